"""Who may work on what: the one place where that question is answered, for pages, API and commands alike.

Central editors (superusers, and members of the group ``编辑中心``) may work on everything. Everybody else may work on
what belongs to the institutions of their memberships and to those below them in the tree, and only do there what the
role of that membership allows: an editor in one town who reviews for another cannot publish in the first.
"""

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import CharField, Exists, ExpressionWrapper, F, Model, OuterRef, Q, QuerySet, Subquery

from catalog.exchange import HarvestSource
from catalog.models import ApiToken, Course, Institution, Lesson, Membership, Teacher, Theme, Webhook
from catalog.review_rules import ReviewRules
from media_pipeline.models import Job, MediaAsset, Upload

CENTRAL_GROUP = "编辑中心"
OPERATORS_GROUP = "运维"

Person = AbstractBaseUser | AnonymousUser
Role = Membership.Role

_EVERYBODY = frozenset({Role.UPLOADER, Role.EDITOR, Role.REVIEWER})
_WITH_TEACHERS = _EVERYBODY | {Role.TEACHER}
_EDITS = frozenset({Role.EDITOR})
_REVIEWS = frozenset({Role.REVIEWER})
_SENDS = frozenset({Role.UPLOADER, Role.EDITOR, Role.TEACHER})
_WRITES = frozenset({Role.EDITOR, Role.REVIEWER})

ROLES: dict[type[Model], dict[str, frozenset[Role]]] = {
    Course: {
        "view": _EVERYBODY,
        "add": _EDITS,
        "change": _WRITES,
        "delete": _EDITS,
        "review": _REVIEWS,
        "publish": _REVIEWS,
        "lock": _REVIEWS,
        "unlock": _REVIEWS,
    },
    Lesson: {"view": _EVERYBODY, "add": _EDITS, "change": _WRITES, "delete": _EDITS},
    Teacher: {"view": _WITH_TEACHERS, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
    MediaAsset: {"view": _WITH_TEACHERS, "add": _SENDS, "change": _SENDS, "delete": _EDITS},
    Upload: {"view": _WITH_TEACHERS, "add": _SENDS, "change": _SENDS, "delete": _SENDS},
    Job: {"view": _WITH_TEACHERS},
    HarvestSource: {"view": _EVERYBODY, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
    Institution: {"view": _WITH_TEACHERS},
    Membership: {"view": _WRITES, "change": _WRITES, "delete": _WRITES},
    ApiToken: {"view": _EDITS, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
    Webhook: {"view": _EDITS, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
}
"""Which roles may do what to the items of their institutions. What is not here only central editors may do."""

TAUGHT: dict[type[Model], frozenset[str]] = {
    Course: frozenset({"view", "change"}),
    Lesson: frozenset({"view", "change", "add", "delete"}),
}
"""What a teacher may do to the courses, within the institution of the membership, that name the teacher's account."""


def is_central(user: Person) -> bool:
    """Whether the whole catalogue is this person's. Asked many times a page, so remembered on the ``user`` object,
    as Django does with permissions: after a change of groups, fetch the user again."""
    if not user.is_active or _bound_to(user) is not None:
        return False
    if "_is_central" not in user.__dict__:
        user.__dict__["_is_central"] = bool(user.is_superuser or user.groups.filter(name=CENTRAL_GROUP).exists())  # type: ignore[attr-defined]
    return user.__dict__["_is_central"]


def is_operator(user: Person) -> bool:
    """Whether this person sees how the machinery does: its numbers, and nothing that belongs to an institution."""
    if not user.is_authenticated or not user.is_active:
        return False
    return bool(user.is_superuser or user.groups.filter(name=OPERATORS_GROUP).exists())  # type: ignore[attr-defined]


def institutions_of(user: Person, roles: Iterable[Role] | None = None) -> QuerySet[Institution]:
    """Institutions a person may work for: those of the memberships (with one of ``roles``, if given) and all below.

    One query, whatever the number of memberships: a place in the tree is a prefix of the path.
    """
    if not user.is_authenticated or not user.is_active:
        return Institution.objects.none()
    if is_central(user):
        return Institution.objects.all()
    memberships = Membership.objects.filter(user_id=user.pk)
    if roles is not None:
        memberships = memberships.filter(role__in=roles)
    path = ExpressionWrapper(OuterRef("path"), output_field=CharField())
    above = memberships.annotate(below=path).filter(below__startswith=F("institution__path"))
    own = Institution.objects.filter(Exists(above))
    bound = _bound_to(user)
    return own if bound is None else own.filter(path__startswith=bound.path)


def bound(user: AbstractBaseUser, institution: Institution) -> AbstractBaseUser:
    """A person as a token sees them: by the memberships alone, for ``institution`` and what lies below it. Marks the
    freshly loaded ``user`` and returns it; does not make it more than it was."""
    user.__dict__["_bound_to"] = institution
    return user


def _bound_to(user: Person) -> Institution | None:
    return user.__dict__.get("_bound_to")


def roles_for(model: type[Model], action: str) -> frozenset[Role]:
    """Roles that may do ``action`` (view, add, change, delete, publish, lock, unlock) to ``model``; maybe none."""
    return ROLES.get(model, {}).get(action, frozenset())


def scope(queryset: QuerySet, user: Person, action: str = "view") -> QuerySet:
    """The part of ``queryset`` to which a person may do ``action`` in the desk and by API with rights of an owner.

    Known owners: those of ``_HOUSE_OF``. Any other model raises TypeError: what has no rule is not shown.
    """
    if is_central(user):
        return queryset
    model = queryset.model
    if not any(issubclass(model, owned) for owned in _HOUSE_OF):
        raise TypeError(f"{model.__name__} has no owner rule; add one to catalog.policy")
    path, key = next(way for owned, way in _HOUSE_OF.items() if issubclass(model, owned))
    own = Q(**{f"{path}__in": institutions_of(user, roles_for(model, action)).values(key)})
    if action in TAUGHT.get(model, ()) and Role.TEACHER in _roles_held(user):
        own |= Q(**{f"{'course' if model is Lesson else 'pk'}__in": _taught(user).values("pk")})
    rows = queryset.filter(own)
    if model is Membership:
        return _memberships(rows, user, action)
    return _publishable(rows, user) if model is Course and action == "publish" else rows


_HOUSE_OF: dict[type[Model], tuple[str, str]] = {
    Institution: ("pk", "pk"),
    Course: ("institution", "pk"),
    Teacher: ("institution", "pk"),
    HarvestSource: ("institution", "pk"),
    ApiToken: ("institution", "pk"),
    Webhook: ("institution", "pk"),
    Membership: ("institution", "pk"),
    Lesson: ("course__institution", "pk"),
    MediaAsset: ("owner", "code"),
    Upload: ("owner", "code"),
    Job: ("asset__owner", "code"),
}
"""The way from an item to its institution, and what of the institution stands at its end."""


def _roles_held(user: Person) -> frozenset[str]:
    """Roles a person holds somewhere; remembered on ``user``."""
    if "_roles_held" not in user.__dict__:
        held = Membership.objects.filter(user_id=user.pk or 0).values_list("role", flat=True)
        user.__dict__["_roles_held"] = frozenset(held)
    return user.__dict__["_roles_held"]


def _taught(user: Person) -> QuerySet[Course]:
    """Courses that name this person as teacher, where the person is a member as one."""
    houses = institutions_of(user, {Role.TEACHER})
    return Course.objects.order_by().filter(institution__in=houses.values("pk"), teachers__account=user.pk or 0)


def _memberships(members: QuerySet, user: Person, action: str) -> QuerySet:
    """Without what this person may see but not touch: the own membership, and reviewers for who is no reviewer."""
    if action == "view":
        return members
    heads = institutions_of(user, _REVIEWS).order_by().values("pk")
    return members.filter(~Q(role=Role.REVIEWER) | Q(institution__in=heads)).exclude(user_id=user.pk or 0)


def roles_to_give(user: Person, institution: Institution) -> frozenset[str]:
    """Roles in ``institution`` that a person may give to others: an editor makes editors, uploaders and teachers; only
    who reviews there, or for the institutions above, makes reviewers."""
    everything = frozenset(Role.values)
    if is_central(user) or institution.pk in _own_keys(user, _REVIEWS):
        return everything
    return everything - {Role.REVIEWER} if institution.pk in _own_keys(user, _EDITS) else frozenset()


def _owner(item: Model) -> int | str | None:
    """The key of the institution an item belongs to: the primary key, or the code where only that is known."""
    if isinstance(item, Institution):
        return item.pk
    if isinstance(item, (Course, Teacher, Membership, HarvestSource, ApiToken, Webhook)):
        return item.institution_id
    if isinstance(item, Lesson):
        return item.course.institution_id
    if isinstance(item, Job):
        return item.asset.owner
    return item.owner if isinstance(item, (MediaAsset, Upload)) else None


def _own_keys(user: Person, roles: frozenset[Role]) -> frozenset[int | str]:
    """Primary keys and codes of the institutions where a person has one of ``roles``; remembered on ``user``, so that a
    list of a hundred rows asks once."""
    remembered: dict[frozenset[Role], frozenset[int | str]] = user.__dict__.setdefault("_own_keys", {})
    if roles not in remembered:
        pairs = institutions_of(user, roles).values_list("pk", "code")
        remembered[roles] = frozenset(key for pair in pairs for key in pair)
    return remembered[roles]


def may(user: Person, action: str, item: Model) -> bool:
    """Whether a person may do ``action`` to an object as it stands in memory. Models without an owner are central."""
    if is_central(user):
        return True
    if isinstance(item, Membership) and item.pk and action != "view":
        touched = _memberships(Membership.objects.filter(pk=item.pk), user, action)
        return touched.exists() and _owns(user, action, item)
    allowed = _owns(user, action, item) or _teaches(user, action, item)
    if allowed and action == "publish" and isinstance(item, Course) and needs_second(item):
        return reviews_at_top(user, item.institution)
    return allowed


def _owns(user: Person, action: str, item: Model) -> bool:
    return _owner(item) in _own_keys(user, roles_for(type(item), action))


def _teaches(user: Person, action: str, item: Model) -> bool:
    if action not in TAUGHT.get(type(item), ()) or Role.TEACHER not in _roles_held(user):
        return False
    course = item.course_id if isinstance(item, Lesson) else item.pk
    return _taught(user).filter(pk=course).exists()


def may_somewhere(user: Person, action: str, model: type[Model]) -> bool:
    """Whether a person may do ``action`` to ``model`` for at least one institution."""
    if is_central(user) or bool(_own_keys(user, roles_for(model, action))):
        return True
    return action in TAUGHT.get(model, ()) and Role.TEACHER in _roles_held(user)


def may_work_on(user: Person, item: Model) -> bool:
    """Whether one stored object is this person's to see and follow in the desk."""
    return may(user, "view", item)


# Review by area -------------------------------------------------------------------------------------


def _above(reviewers: QuerySet[Membership], path: F) -> QuerySet[Membership]:
    """Those of ``reviewers`` whose institution is the one at ``path`` in the tree, or above it."""
    below = ExpressionWrapper(path, output_field=CharField())
    return reviewers.annotate(below=below).filter(below__startswith=F("institution__path"))


def _reviewers() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Role.REVIEWER, user__is_active=True)


def area_of(user: Person) -> QuerySet[Institution]:
    """Institutions whose courses this person reviews first: those of the memberships as reviewer and those below that
    have no reviewers nearer."""
    reviewers = _above(_reviewers(), OuterRef("path"))
    nearest = reviewers.order_by("-institution__depth").values("institution__depth")[:1]
    mine = reviewers.filter(user_id=user.pk or 0, institution__depth=OuterRef("nearest"))
    return Institution.objects.annotate(nearest=Subquery(nearest)).filter(Exists(mine))


def reviewers_of(course: Course, *, without: int, top: bool = False) -> QuerySet:
    """The people whose review of ``course`` is waited for: reviewers of its institution or of the nearest above that
    has some (``top``: of the topmost), ``without`` the one who submitted it; the centre where there are none."""
    path = course.institution.path[: Institution.steplen] if top else course.institution.path
    paths = [path[:end] for end in range(Institution.steplen, len(path) + 1, Institution.steplen)]
    near = _reviewers().filter(institution__path__in=paths).exclude(user_id=without)
    depth = near.order_by("-institution__depth").values_list("institution__depth", flat=True).first()
    if depth is None:
        return centre(without=without)
    return get_user_model().objects.filter(pk__in=near.filter(institution__depth=depth).values("user"))


def centre(*, without: int) -> QuerySet:
    """The people of the centre."""
    people = get_user_model().objects.filter(Q(groups__name=CENTRAL_GROUP) | Q(is_superuser=True), is_active=True)
    return people.exclude(pk=without).distinct()


def reviews_at_top(user: Person, institution: Institution) -> bool:
    """Whether this person reviews for the topmost institution above ``institution``, or is central."""
    top = institution.path[: Institution.steplen]
    return is_central(user) or _reviewers().filter(user_id=user.pk or 0, institution__path=top).exists()


def needs_second(course: Course) -> bool:
    """Whether the topmost institution looks at this course once more before it is public. A course that is not stored
    stands for any that may come: its themes are not known."""
    rules = ReviewRules.load()
    if rules.second == ReviewRules.Second.NONE or course.institution.is_root():
        return False
    if rules.second == ReviewRules.Second.ALL or not course.pk:
        return True
    return any(theme.path.startswith(one.path) for theme in course.themes.all() for one in rules.second_themes.all())


def _publishable(courses: QuerySet, user: Person) -> QuerySet:
    """Without the courses whose second look is not this person's."""
    rules = ReviewRules.load()
    if rules.second == ReviewRules.Second.NONE:
        return courses
    tops = _reviewers().filter(user_id=user.pk or 0, institution__depth=1)
    at_top = Exists(_above(tops, OuterRef("institution__path")))
    if rules.second == ReviewRules.Second.ALL:
        return courses.filter(Q(institution__depth=1) | at_top)
    paths = rules.second_themes.values_list("path", flat=True)
    themes = Theme.objects.filter(pk__in=[pk for path in paths for pk in _themes_below(path)])
    looked_at = Exists(Course.themes.through.objects.filter(course=OuterRef("pk"), theme__in=themes.values("pk")))
    return courses.filter(Q(institution__depth=1) | at_top | ~looked_at)


def _themes_below(path: str) -> list[int]:
    return list(Theme.objects.filter(path__startswith=path).values_list("pk", flat=True))
