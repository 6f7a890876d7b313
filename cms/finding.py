"""The desk's search boxes: listings and choosers find Chinese by any part of a name, by pinyin and by code."""

from functools import lru_cache

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from pypinyin import Style, lazy_pinyin

from catalog import policy
from catalog.exchange import HarvestSource
from catalog.models import ApiToken, Course, Institution, Membership, Place, Teacher, Theme, Webhook
from media_pipeline.models import MediaAsset
from search import find
from search.models import Rule, Term, as_compared

FIELDS: dict[type, tuple[str, ...]] = {
    Course: ("title", "title_en", "institution__name"),
    MediaAsset: ("title", "filename"),
    Teacher: ("name", "title"),
    Institution: ("name", "code"),
    Theme: ("name", "name_en"),
    Place: ("name",),
    Membership: ("user__username", "user__display_name", "institution__name"),
    HarvestSource: ("address", "institution__name"),
    ApiToken: ("name", "user__username", "user__display_name"),
    Webhook: ("address",),
    Term: (),
    Rule: (),
}
"""What plain containment looks at, besides the engine's answer for courses and the words of terms and rules."""

FEW = 500
"""Found items up to this many are named by their keys, below SQLite's limit of variables."""

MOST = 200  # hits taken from the engine; a person pages through a tenth of that


def search(queryset: QuerySet, text: str, user: policy.Person, *, ordered: bool = True) -> QuerySet:
    """The part of ``queryset`` that answers ``text``, best first when ``ordered``. ``queryset`` holds what ``user`` may
    see; the engine looks among the same institutions."""
    text = text.strip()[:100]
    if not text:
        return queryset
    best = _best(queryset.model, text, user)
    wanted = Q(pk__in=best)
    for field in FIELDS[queryset.model]:
        wanted |= Q(**{f"{field}__icontains": text})
    found = queryset.filter(wanted)
    # counting, ordering and paging would each read every title again
    keys = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
    if len(keys) <= FEW:
        found = queryset.filter(pk__in=keys)
    if not (ordered and best):
        return found
    places = Case(*(When(pk=key, then=Value(place)) for place, key in enumerate(best)), output_field=IntegerField())
    # the many that are not among the best are told by one look, not by as many as there are best ones
    rank = Case(When(pk__in=best, then=places), default=Value(len(best)), output_field=IntegerField())
    return found.order_by(rank, "pk")


def _best(model: type, text: str, user: policy.Person) -> list:
    if model is Course:
        central = policy.is_central(user)
        own = None if central else policy.institutions_of(user).values_list("code", flat=True)
        return find.admin_ids(text, MOST, own)
    if issubclass(model, (Term, Rule)):
        return _taught(model, as_compared(text))
    return _places(text) if model is Place else []


def _taught(model: type[Term] | type[Rule], folded: str) -> list[int]:
    """Keys of terms or rules with a word that holds ``folded``; there are some thousand at most."""
    items = model._default_manager.all()
    return [item.pk for item in items if any(folded in as_compared(word) for word in item.words)][:MOST]


def _places(text: str) -> list[str]:
    """Codes that begin with the digits asked for, or of divisions down to the county spelled so."""
    if text.isdigit():
        return list(Place.objects.filter(code__startswith=text).order_by("code").values_list("code", flat=True)[:MOST])
    if not text.isascii():
        exact = Place.objects.filter(name__startswith=text).order_by("level", "code")
        return list(exact.values_list("code", flat=True)[:MOST])
    spelled = text.lower().replace(" ", "")
    return [code for code, forms in _spellings(Place.objects.filter(level__lte=3).count()) if spelled in forms][:MOST]


@lru_cache(maxsize=1)
def _spellings(count: int) -> list[tuple[str, tuple[str, ...]]]:
    """Full and initial spellings, whole and without the last character (县, 市, 省). ``count`` makes it new when the
    tree was loaded after the process began; 3,300 names take 0.1 s."""
    rows = Place.objects.filter(level__lte=3).order_by("level", "code").values_list("code", "name")
    return [(code, _spell(name)) for code, name in rows]


def _spell(name: str) -> tuple[str, ...]:
    full = lazy_pinyin(name)
    initials = lazy_pinyin(name, style=Style.FIRST_LETTER)
    return ("".join(full), "".join(initials), "".join(full[:-1]), "".join(initials[:-1]))
