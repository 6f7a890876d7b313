"""Who may work on what: the one place where that question is answered, for pages, API and commands alike.

Central editors (superusers, and members of the group ``编辑中心``) may work on everything. Everybody else may work on
what belongs to the institutions of their memberships and to those below them in the tree, and only do there what the
role of that membership allows: an editor in one town who reviews for another cannot publish in the first.
"""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import CharField, Exists, ExpressionWrapper, F, Model, OuterRef, QuerySet

from catalog.models import ApiToken, Course, Institution, Lesson, Membership, Teacher, Webhook
from media_pipeline.models import Job, MediaAsset, Upload

CENTRAL_GROUP = "编辑中心"

Person = AbstractBaseUser | AnonymousUser
Role = Membership.Role

_EVERYBODY = frozenset({Role.UPLOADER, Role.EDITOR, Role.REVIEWER})
_EDITS = frozenset({Role.EDITOR})
_REVIEWS = frozenset({Role.REVIEWER})
_SENDS = frozenset({Role.UPLOADER, Role.EDITOR})
_WRITES = frozenset({Role.EDITOR, Role.REVIEWER})

ROLES: dict[type[Model], dict[str, frozenset[Role]]] = {
    Course: {
        "view": _EVERYBODY,
        "add": _EDITS,
        "change": _WRITES,
        "delete": _EDITS,
        "publish": _REVIEWS,
        "lock": _REVIEWS,
        "unlock": _REVIEWS,
    },
    Lesson: {"view": _EVERYBODY, "add": _EDITS, "change": _WRITES, "delete": _EDITS},
    Teacher: {"view": _EVERYBODY, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
    MediaAsset: {"view": _EVERYBODY, "add": _SENDS, "change": _SENDS, "delete": _EDITS},
    Upload: {"view": _EVERYBODY, "add": _SENDS, "change": _SENDS, "delete": _SENDS},
    Job: {"view": _EVERYBODY},
    Institution: {"view": _EVERYBODY},
    ApiToken: {"view": _EDITS, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
    Webhook: {"view": _EDITS, "add": _EDITS, "change": _EDITS, "delete": _EDITS},
}
"""Which roles may do what to the items of their institutions. What is not here only central editors may do."""


def is_central(user: Person) -> bool:
    """Whether the whole catalogue is this person's. Asked many times a page, so remembered on the ``user`` object,
    as Django does with permissions: after a change of groups, fetch the user again."""
    if not user.is_active or _bound_to(user) is not None:
        return False
    if "_is_central" not in user.__dict__:
        user.__dict__["_is_central"] = bool(user.is_superuser or user.groups.filter(name=CENTRAL_GROUP).exists())  # type: ignore[attr-defined]
    return user.__dict__["_is_central"]


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

    Known owners: Course, Lesson, Teacher, Institution, MediaAsset, Upload, Job. Any other model raises TypeError:
    what has no rule is not shown.
    """
    if is_central(user):
        return queryset
    model = queryset.model
    own = institutions_of(user, roles_for(model, action))
    if issubclass(model, Institution):
        return queryset.filter(pk__in=own.values("pk"))
    if issubclass(model, (Course, Teacher, ApiToken, Webhook)):
        return queryset.filter(institution__in=own.values("pk"))
    if issubclass(model, Lesson):
        return queryset.filter(course__institution__in=own.values("pk"))
    if issubclass(model, (MediaAsset, Upload)):
        return queryset.filter(owner__in=own.values("code"))
    if issubclass(model, Job):
        return queryset.filter(asset__owner__in=own.values("code"))
    raise TypeError(f"{model.__name__} has no owner rule; add one to catalog.policy.scope")


def _owner(item: Model) -> int | str | None:
    """The key of the institution an item belongs to: the primary key, or the code where only that is known."""
    if isinstance(item, Institution):
        return item.pk
    if isinstance(item, (Course, Teacher, ApiToken, Webhook)):
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
    return _owner(item) in _own_keys(user, roles_for(type(item), action))


def may_somewhere(user: Person, action: str, model: type[Model]) -> bool:
    """Whether a person may do ``action`` to ``model`` for at least one institution."""
    return is_central(user) or bool(_own_keys(user, roles_for(model, action)))


def may_work_on(user: Person, item: Model) -> bool:
    """Whether one stored object is this person's to see and follow in the desk."""
    return may(user, "view", item)
