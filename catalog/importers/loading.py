"""Records into the catalogue, in bulk: what is new is made, what changed is changed, the rest is left alone."""

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from catalog import publishing
from catalog.importers.checking import OWN_SOURCE, Checker, Prepared, Problem, file_problem
from catalog.importers.current import newest, record_of
from catalog.importers.media import MediaSource, Received
from catalog.importers.record import HEADINGS, CourseRecord, text_of
from catalog.models import Course, Institution, Lesson, Place, Teacher, Theme
from catalog.places import gazetteer
from catalog.signals import courses_changed
from catalog.titles import address_and_order
from media_pipeline.errors import Refused

NAME = 80  # characters of a teacher's name that are kept
BATCH = 500  # rows of one transaction; also below SQLite's limit of variables in one statement
FILES = 20  # named by the rows of it, at most


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that a row changes: the column, what the course said, what the row says."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that a row brings: as the row names it, where it lies, how large and what it is; ``known``: the library
    has it already, so that nothing is sent."""

    name: str
    found: str
    bytes: int
    kind: str
    known: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a row, or would. ``kind``: created, updated, unchanged or rejected. ``problems`` of a row that was
    not rejected are warnings."""

    row: int
    id: str
    title: str
    kind: str
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[Brought, ...] = ()


@dataclass(slots=True)
class Report:
    """What an import did, or in a dry run would do. ``rows`` = created + updated + unchanged + rejected rows;
    ``published`` counts the courses that this run made public."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    published: int = 0
    rejected_rows: int = 0
    rejected: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Import:
    """One run over one file. ``institution``: where rows without one belong; ``only``: pks of institutions that rows
    may name, None for all. Without ``publish`` new courses are drafts, and changes of public ones wait as drafts.
    ``tell`` hears the fates of a batch inside the transaction that stores it; rows up to ``after`` were dealt with
    before and are passed over. Files are taken in before that transaction, since they take long; taken in again after a
    kill, they are found.
    """

    institution: Institution | None
    publish: bool = False
    dry_run: bool = False
    media: MediaSource | Received | None = None
    only: Container[int] | None = None
    user: AbstractBaseUser | None = None
    progress: Callable[[int], None] = lambda rows: None
    tell: Callable[[list[Fate]], None] = lambda fates: None
    after: int = 0

    def run(self, records: Iterable[CourseRecord]) -> Report:
        checker = Checker(self.institution, gazetteer(), self.only, self.media)
        report = Report(warnings=checker.warnings)
        # what comes from elsewhere takes time: a file at a time, so that others get their turn between them
        for batch in _batches(records, 1 if isinstance(self.media, MediaSource) and not self.dry_run else FILES):
            report.rows += len(batch)
            ready, rejected, warned = [], [], {}
            for record in batch:
                if record.row <= self.after:
                    checker.remember(record)
                    continue
                so_far = len(checker.warnings)
                checked = checker.check(record)
                if isinstance(checked, Prepared):
                    ready.append(checked)
                    warned[record.row] = tuple(checker.warnings[so_far:])
                else:
                    rejected.append(Fate(record.row, record.id, record.title, "rejected", problems=tuple(checked)))
            ready, refused, brought = self._take_files(ready)
            with transaction.atomic():
                fates = [*rejected, *refused, *self._store(ready, report)]
                told = [_with(fate, warned.get(fate.row, ()), brought.get(fate.row, ())) for fate in fates]
                self.tell(sorted(told, key=lambda fate: fate.row))
            if not told:
                continue
            for fate in told:
                if fate.kind == "rejected":
                    report.rejected_rows += 1
                    report.rejected += fate.problems
            self.progress(report.rows)
        return report

    def _take_files(self, ready: list[Prepared]) -> tuple[list[Prepared], list[Fate], dict[int, tuple[Brought, ...]]]:
        """Takes in the files that rows need and do not have; in a dry run only looks. The rows that have what they
        need, the fates of the others, and what each row brings."""
        if self.media is None:
            return ready, [], {}
        names = self._needed(ready)
        kept, refused, brought = [], [], {}
        for one in ready:
            problems, files = [], []
            for name in names.get(one.record.row, ()):
                try:
                    files.append(self._take(self.media, one, name))
                except Refused as why:
                    problems.append(file_problem(one.record, name, why))
            brought[one.record.row] = tuple(files)
            if problems:
                refused.append(_fate(one, "rejected", problems=tuple(problems)))
            else:
                kept.append(one)
        return kept, refused, brought

    def _needed(self, ready: list[Prepared]) -> dict[int, Sequence[str]]:
        """Row → files that its course does not have yet."""
        known = _known([one for one in ready if one.files])
        needed: dict[int, Sequence[str]] = {one.record.row: one.files for one in ready if one.key not in known}
        met = [(known[one.key], one) for one in ready if one.files and one.key in known]
        for course, one in _with_courses([(there, one) for there, one in met if there.digest != one.digest]):
            if not _is_late(one, record_of(one.record.row, course)):
                needed[one.record.row] = _differences(course, one).get("files", ())
        return needed

    def _take(self, media: MediaSource | Received, one: Prepared, name: str) -> Brought:
        """Raises Refused."""
        owner, found = one.institution.code, media.find(name)
        asset = media.known(name, owner)
        known = asset is not None
        if asset is None and isinstance(media, MediaSource):
            if self.dry_run:
                media.plan(name, owner)
            else:
                asset = media.receive(name, owner, one.values["title"], self.user)
        if asset is not None:
            one.assets[name] = asset
        return Brought(name, found.name, found.bytes, found.kind, known)

    def _store(self, ready: list[Prepared], report: Report) -> list[Fate]:
        """Stores what may be stored of a batch and says what became of each row."""
        known = _known(ready)
        new = [one for one in ready if one.key not in known]
        met = [(known[one.key], one) for one in ready if one.key in known]
        changed = _with_courses([(there, one) for there, one in met if there.digest != one.digest])
        differing = [(course, one, now) for course, one in changed if (now := _differences(course, one))]
        current = {course.pk: record_of(one.record.row, course) for course, one, _now in differing}
        late = [(course, one) for course, one, _n in differing if _is_late(one, current[course.pk])]
        differing = [(course, one, now) for course, one, now in differing if not _is_late(one, current[course.pk])]
        report.created += len(new)
        report.updated += len(differing)
        report.unchanged += len(met) - len(differing) - len(late)
        fates = {one.record.row: _fate(one, "unchanged") for _there, one in met}
        fates |= {one.record.row: _fate(one, "created") for one in new}
        fates |= {one.record.row: _fate(one, "rejected", problems=(_late(one),)) for _course, one in late}
        for course, one, now in differing:
            fates[one.record.row] = _fate(one, "updated", _changes(current[course.pk], one, now))
        if not self.dry_run:
            self._create(new, report)
            self._update(differing, report)
            self._remember([(course, one) for course, one in changed if (course, one) not in late])
            if self.publish:
                self._publish_never_public([there.pk for there, _one in met if there.waiting], report)
        return list(fates.values())

    def _create(self, new: list[Prepared], report: Report) -> None:
        now = timezone.now()
        courses = [self._course(one, now) for one in new]
        _give_addresses(courses)
        Course.objects.bulk_create(courses)
        pairs = list(zip(courses, new, strict=True))
        _link(pairs)
        Lesson.objects.bulk_create(
            Lesson(course=course, number=1, sort_order=0, title=course.title, url=one.url)
            for course, one in pairs
            if one.url
        )
        self._bring_files(pairs)
        report.published += sum(course.live for course in courses)
        _tell(pairs)

    def _course(self, one: Prepared, now: Any) -> Course:
        live = self.publish and one.complete
        course = Course(
            institution=one.institution,
            external_source=one.source,
            external_id=one.record.id,
            external_digest=one.digest,
            live=live,
            has_unpublished_changes=not live,
            first_published_at=now if live else None,
            last_published_at=now if live else None,
            **{**one.first, **one.values},
        )
        if not course.description:
            course.description = one.first.get("description", "")
        course.slug, course.sort_key = address_and_order(course.title)
        return course

    def _update(self, differing: list[tuple[Course, Prepared, dict[str, Any]]], report: Report) -> None:
        """Changes many at once where that is all there is to it; one by one where there are versions to keep."""
        direct = []
        for course, one, now in differing:
            versions = course.latest_revision_id is not None and course.has_unpublished_changes
            if versions or (course.live and not self.publish):
                self._update_as_version(course, one, now)
            else:
                direct.append((course, one, now))
        names = sorted({name for _c, _o, now in direct for name in now if name not in _LINKS})
        for course, _one, now in direct:
            _assign(course, {name: value for name, value in now.items() if name not in _LINKS})
            if "title" in now:
                course.sort_key = address_and_order(course.title)[1]
        if names:
            Course.objects.bulk_update([course for course, _o, _n in direct], [*names, "sort_key"], batch_size=50)
        for link in _LINKS:
            _unlink([course for course, _o, now in direct if link in now], link)
            _link([(course, one) for course, one, now in direct if link in now], link)
        _set_urls([(course, one) for course, one, now in direct if "url" in now])
        pairs = [(course, one) for course, one, _now in direct]
        self._bring_files(pairs)
        _tell(pairs)
        publishing.renewed(course.pk for course, _one in pairs)

    def _update_as_version(self, course: Course, one: Prepared, now: dict[str, Any]) -> None:
        """The row becomes a new version over the newest, which stays in the course's history; what is public stays."""
        version = newest(course)
        put_into(version, one)
        if "url" in now:
            _set_url_in(version, one.url)
        if "files" in now:
            self._add_files(version, one, now["files"])
        revision = version.save_revision(user=self.user)
        if self.publish and not version.missing():
            course.publish(revision, user=self.user, skip_permission_checks=True)
        Course.objects.filter(pk=course.pk).update(external_digest=one.digest)

    def _add_files(self, version: Course, one: Prepared, names: list[str]) -> None:
        count = version.lessons.count()
        for place, asset in enumerate(dict.fromkeys(one.assets[name] for name in names if name in one.assets), count):
            version.lessons.add(Lesson(title=asset.title, asset=asset, sort_order=place))
        version.number_lessons()

    def _remember(self, changed: list[tuple[Course, Prepared]]) -> None:
        for course, one in changed:
            course.external_digest = one.digest
        Course.objects.bulk_update([course for course, _one in changed], ["external_digest"], batch_size=100)

    def _publish_never_public(self, waiting: list[int], report: Report) -> None:
        """Drafts of an earlier run become public; what an editor took back stays back."""
        for course in Course.objects.filter(pk__in=waiting):
            if not course.live and not course.missing():
                publishing.publish(course, user=self.user)
                report.published += 1

    def _bring_files(self, pairs: Sequence[tuple[Course, Prepared]]) -> None:
        for course, one in pairs:
            if not one.assets:
                continue
            have = set(course.lessons.filter(asset__isnull=False).values_list("asset", flat=True))
            for asset in (one.assets[name] for name in one.files if name in one.assets):
                if asset.pk not in have:
                    title = course.title if len(one.files) == 1 else asset.title
                    Lesson.objects.create(course_id=course.pk, title=title, asset=asset, sort_order=len(have))
                    have.add(asset.pk)


_LINKS = ("themes", "places", "teachers")


def _fate(one: Prepared, kind: str, changes: tuple[Change, ...] = (), problems: tuple[Problem, ...] = ()) -> Fate:
    return Fate(one.record.row, one.record.id, one.values["title"], kind, changes, problems)


def _with(fate: Fate, warnings: tuple[Problem, ...], files: tuple[Brought, ...]) -> Fate:
    return replace(fate, problems=fate.problems or warnings, files=files)


def _is_late(one: Prepared, current: CourseRecord) -> bool:
    """Whether the course has been changed since the row was exported."""
    return one.record.exported_version not in {"", current.exported_version}


def _late(one: Prepared) -> Problem:
    reason, remedy = "导出以后，课程又被别人改过", "请重新导出，在新的表格里修改。"
    return Problem(one.record.row, HEADINGS["exported_version"][0], one.record.exported_version[:80], reason, remedy)


def _changes(current: CourseRecord, one: Prepared, now: dict[str, Any]) -> tuple[Change, ...]:
    names = {"source": "origin"}
    found = []
    for name in (names.get(name, name) for name in now):
        if name == "extra":
            facts = {label: fact for label, fact in now["extra"].items() if current.extra.get(label) != fact}
            found += [Change(label, current.extra.get(label, ""), fact) for label, fact in facts.items()]
        else:
            cells = (text_of(getattr(record, name)) for record in (current, one.record))
            found.append(Change(HEADINGS[name][0], *cells))
    return tuple(found)


def _batches(records: Iterable[CourseRecord], most: int) -> Iterator[list[CourseRecord]]:
    batch: list[CourseRecord] = []
    files = 0
    for record in records:
        batch.append(record)
        files += len(record.files)
        if len(batch) == BATCH or files >= most:
            yield batch
            batch, files = [], 0
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _There:
    """What must be known of a course to tell whether a row changes it. ``waiting``: it was never public."""

    pk: int
    digest: str
    waiting: bool


def _known(ready: list[Prepared]) -> dict[tuple[int, str, str], _There]:
    """The courses that these rows name."""
    facts = ("pk", "external_digest", "live", "first_published_at")
    ids = [one.record.id for one in ready]
    named = Course.objects.filter(external_id__in=ids).exclude(external_id="")
    known = {}
    for *key, pk, digest, live, first in named.values_list("institution", "external_source", "external_id", *facts):
        known[tuple(key)] = _There(pk, digest, not live and first is None)
    own = [one.record.id for one in ready if one.source == OWN_SOURCE]
    made_here = Course.objects.filter(slug__in=own, external_id="")
    for institution, slug, pk, digest, live, first in made_here.values_list("institution", "slug", *facts):
        known[institution, OWN_SOURCE, slug] = _There(pk, digest, not live and first is None)
    return known


def _with_courses(pairs: list[tuple[_There, Prepared]]) -> list[tuple[Course, Prepared]]:
    """The courses themselves, with everything a comparison needs."""
    everything = Course.objects.prefetch_related("themes", "places", "teachers", "lessons__asset")
    courses = everything.in_bulk([there.pk for there, _one in pairs])
    return [(courses[there.pk], one) for there, one in pairs]


def _differences(course: Course, one: Prepared) -> dict[str, Any]:
    """What the row says otherwise than the newest version of the course: field → value."""
    version = course.get_latest_revision_as_object() if course.has_unpublished_changes else course
    wanted: dict[str, Any] = dict(one.values)
    if "extra" in wanted:
        wanted["extra"] = {**version.extra, **wanted["extra"]}
    different = {name: value for name, value in wanted.items() if getattr(version, name) != value}
    links = {
        "themes": (one.themes, tuple(sorted(theme.pk for theme in version.themes.all()))),
        "places": (one.places, tuple(sorted(place.code for place in version.places.all()))),
        "teachers": (_sorted(one.teachers), _sorted([teacher.name for teacher in version.teachers.all()])),
    }
    different |= {name: now for name, (now, before) in links.items() if now is not None and now != before}
    urls = [lesson.url for lesson in version.lessons.all() if lesson.url]
    if one.url and urls[:1] != [one.url]:
        different["url"] = one.url
    held = [lesson.asset for lesson in version.lessons.all() if lesson.asset] if one.files else []
    names, keys = {asset.filename for asset in held}, {asset.pk for asset in held}
    lacking = [name for name in one.files if name not in names]
    if lacking := [name for name in lacking if name not in one.assets or one.assets[name].pk not in keys]:
        different["files"] = lacking
    return different


def _sorted(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(names))


def put_into(version: Course, one: Prepared) -> None:
    """Writes what a row gives into a version in memory; its address and files are the caller's. Teachers the
    institution does not have yet are made."""
    for name, value in one.values.items():
        setattr(version, name, {**version.extra, **value} if name == "extra" else value)
    # Objects, not keys: those would be written to the public course at once.
    if one.themes is not None:
        version.themes = list(Theme.objects.filter(pk__in=one.themes))
    if one.places is not None:
        version.places = list(Place.objects.filter(pk__in=one.places))
    if one.teachers is not None:
        people = _teachers([one])
        version.teachers = [people[one.institution.pk, name[:NAME]] for name in one.teachers]


def _assign(course: Course, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in {"url", "files"}:
            setattr(course, name, value)


def _give_addresses(courses: list[Course]) -> None:
    """Makes the slugs of new courses unique: the second of a name gets a suffix that is always the same for the same
    row. One query for all."""
    wanted = {course.slug for course in courses}
    taken = set(Course.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    for course in courses:
        if course.slug in taken:
            identity = f"{course.institution_id} {course.external_source} {course.external_id}"
            course.slug = f"{course.slug}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"
        taken.add(course.slug)


def _link(pairs: Sequence[tuple[Course, Prepared]], only: str = "") -> None:
    """Writes the many-to-many rows of these courses, at most three statements."""
    if only in {"", "themes"}:
        through = Course.themes.through
        through.objects.bulk_create(
            through(course_id=course.pk, theme_id=pk) for course, one in pairs for pk in one.themes or ()
        )
    if only in {"", "places"}:
        through = Course.places.through
        through.objects.bulk_create(
            through(course_id=course.pk, place_id=code) for course, one in pairs for code in one.places or ()
        )
    if only in {"", "teachers"}:
        through = Course.teachers.through
        people = _teachers([one for _course, one in pairs])
        through.objects.bulk_create(
            through(course_id=course.pk, teacher_id=people[one.institution.pk, name[:NAME]].pk)
            for course, one in pairs
            for name in one.teachers or ()
        )


def _unlink(courses: list[Course], link: str) -> None:
    if courses:
        getattr(Course, link).through.objects.filter(course__in=courses).delete()


def _teachers(rows: Iterable[Prepared]) -> dict[tuple[int, str], Teacher]:
    """The institutions' teachers of these names; those who are not there yet are made."""
    wanted = {(one.institution.pk, name[:NAME]) for one in rows for name in one.teachers or ()}
    if not wanted:
        return {}
    found = Teacher.objects.filter(institution__in={pk for pk, _n in wanted}, name__in={name for _pk, name in wanted})
    people = {(teacher.institution_id or 0, teacher.name): teacher for teacher in found}
    new = [Teacher(institution_id=pk, name=name) for pk, name in sorted(wanted - people.keys())]
    Teacher.objects.bulk_create(new)
    return people | {(teacher.institution_id or 0, teacher.name): teacher for teacher in new}


def _set_urls(pairs: Sequence[tuple[Course, Prepared]]) -> None:
    for course, one in pairs:
        _set_url_in(course, one.url)
        for lesson in course.lessons.all():
            lesson.course = course
            lesson.save()


def _set_url_in(course: Course, url: str) -> None:
    lessons = list(course.lessons.all())
    first = next((lesson for lesson in lessons if lesson.url), None)
    if first is None:
        course.lessons.add(Lesson(title=course.title, url=url, sort_order=len(lessons)))
        course.number_lessons()
    else:
        first.url = url
        course.lessons.add(first)


def _tell(pairs: Sequence[tuple[Course, Prepared]]) -> None:
    """News of these courses; only those with files have media to settle."""
    publishing.settle(course.pk for course, one in pairs if one.files)
    if ids := [course.pk for course, one in pairs if not one.files]:
        courses_changed.send(sender=Course, ids=ids)
