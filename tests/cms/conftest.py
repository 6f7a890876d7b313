"""Two institutions with everything they can own. What belongs to 乙 carries a mark that 甲 must never read."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from wagtail.models import Page, Workflow

from accounts.models import User
from catalog import bulk_job
from catalog.bulk import Asked
from catalog.exchange import HarvestSource
from catalog.harvest.run import Report
from catalog.models import (
    ApiToken,
    BulkChange,
    BulkItem,
    Course,
    Institution,
    Lesson,
    Membership,
    Place,
    Teacher,
    Theme,
    Webhook,
)
from cms import setup
from cms.models import (
    CollectionIndexPage,
    CollectionPage,
    FieldComment,
    ImportedRow,
    ImportRun,
    Invitation,
    SavedView,
)
from media_pipeline.models import AssetState, Job, MediaAsset, MediaType, Package, TextTrack, Upload
from search.models import AskedQuery, Gap, Pin, QueryCount, Rule, Term

MARK = "乙密七七"
MARKS = (MARK, "bmark77")
"""In every text of 乙: ``MARK`` where Chinese fits, ``bmark77`` in codes, keys and addresses."""


@dataclass
class House:
    """One institution, its people by role and its things."""

    institution: Institution
    people: dict[str, User] = field(default_factory=dict)
    courses: list[Course] = field(default_factory=list)
    assets: list[MediaAsset] = field(default_factory=list)
    teacher: Teacher | None = None
    upload: Upload | None = None
    job: Job | None = None
    waiting: Course | None = None

    def client(self, role: str) -> Client:
        client = Client()
        client.force_login(self.people[role])
        return client


@dataclass
class World:
    a: House
    b: House
    central: User
    second: User
    theme: Theme
    place: Place
    draft_page: CollectionPage
    term: Term
    rule: Rule
    change: BulkChange
    view: SavedView
    comment: FieldComment
    invitation: Invitation
    run: ImportRun
    source: HarvestSource
    token: ApiToken
    hook: Webhook


def build_house(code: str, name: str, mark: str, place: Place) -> House:
    house = House(Institution.add_root(code=code, name=f"{name}{mark}", place=place, summary=mark))
    for role in ("uploader", "editor", "reviewer"):
        user = User.objects.create_user(f"{code}-{role}", f"{code}-{role}@example.cn", "x", display_name=name + role)
        Membership.objects.create(user=user, institution=house.institution, role=role)
        house.people[role] = user
    for number, state in enumerate((AssetState.PUBLISHED, AssetState.PROCESSING, AssetState.FAILED)):
        house.assets.append(_asset(code, f"{name}影片{number}{mark}", state, house.people["uploader"]))
    house.job = Job.objects.create(asset=house.assets[1], state="running", progress=0.43, step=f"720p {mark}")
    house.upload = Upload.objects.create(
        owner=code,
        filename=f"{mark}.mp4",
        bytes=10,
        part_bytes=16,
        key=f"uploads/{code}/x",
        created_by=house.people["uploader"],
    )
    house.teacher = Teacher.objects.create(name=f"{name}老师{mark}", institution=house.institution)
    house.courses = [_course(house, f"{name}课程{number}{mark}") for number in range(3)]
    house.waiting = house.courses[1]
    return house


def _asset(owner: str, title: str, state: str, user: User) -> MediaAsset:
    asset = MediaAsset.objects.create(
        owner=owner, title=title, filename=f"{title}.mp4", media_type=MediaType.VIDEO, state=state, created_by=user
    )
    asset.original_key = f"originals/{owner}/{asset.uid}.mp4"
    asset.poster_key = f"packages/{owner}-{asset.uid}/poster.jpg"
    asset.save()
    Package.objects.create(asset=asset, prefix=f"packages/{owner}-{asset.uid}", current=True)
    TextTrack.objects.create(asset=asset, cues=[[0.0, 1.0, title]])
    return asset


def _course(house: House, title: str) -> Course:
    course = Course(institution=house.institution, title=title, kind="video", summary=title, live=False)
    course.slug = f"{house.institution.code}-{len(house.courses)}-{Course.objects.count()}"
    course.lessons = [Lesson(title=f"{title} 第一课", asset=house.assets[0], number=1)]
    course.teachers = [house.teacher]
    course.save()
    course.save_revision(user=house.people["editor"])
    return course


@pytest.fixture
def world(db: Any) -> World:
    setup.ensure_everything()
    place = Place.objects.create(code="33", level=1, name="浙江省")
    theme = Theme.add_root(slug="culture", name="魅力浙文化")
    a = build_house("jia", "甲", "", place)
    b = build_house("yi-bmark77", "乙", MARK, place)
    people = []
    for name in ("centre", "second"):
        user = User.objects.create_user(name, f"{name}@example.cn", "x")
        user.groups.add(Group.objects.get(name="编辑中心"))
        people.append(user)
    workflow = Workflow.objects.get(name=setup.WORKFLOW)
    for house in (a, b):
        workflow.start(house.waiting, house.people["editor"])
    index = CollectionIndexPage.objects.get()
    page = index.add_child(instance=CollectionPage(title=f"未发布专辑{MARK}", slug="draft-bmark77", live=False))
    page.save_revision(user=people[0])
    term, rule = teach_search(b)
    change = bulk_job.begin(b.people["reviewer"], Asked(scalars={"language": MARKS[1]}), [b.courses[0].pk])
    BulkItem.objects.update(state="left", reason="lacks", note=MARK)
    BulkChange.objects.update(state="done")
    view = SavedView.objects.create(
        user=b.people["editor"], name=f"视图{MARK}", shared=True, institution=b.institution, query=f"q={MARK}"
    )
    comment = FieldComment.objects.create(course=b.waiting, field="title", text=f"批注{MARK}")
    invitation = Invitation.objects.create(
        email=f"{MARKS[1]}@example.cn", institution=b.institution, role="editor", nonce="n", sent_at=timezone.now()
    )
    run = ImportRun.objects.create(
        user=b.people["editor"], institution=b.institution, filename=f"{MARK}.csv", content=MARK.encode(), state="done"
    )
    ImportedRow.objects.create(run=run, row=2, fate="rejected", external_id=MARK, title=MARK)
    source = HarvestSource.objects.create(
        institution=b.institution,
        address=f"https://example.org/{MARKS[1]}",
        ended_at=timezone.now(),
        report={**asdict(Report(created=1)), "entries": [{"kind": "created", "id": "1", "title": MARK, "why": ""}]},
    )
    token = ApiToken(user=b.people["editor"], institution=b.institution, name=f"令牌{MARK}", scopes=["upload"])
    token.make_secret()
    token.save()
    hook = Webhook(institution=b.institution, address="https://example.org/bmark77", events=[])
    hook.make_secret()
    hook.save()
    hook.deliveries.create(event="test", body=MARK, answer=MARK)
    return World(
        a, b, people[0], people[1], theme, place, page, term, rule, change, view, comment, invitation, run, source,
        token, hook,
    )  # fmt: skip


def teach_search(house: House) -> tuple[Term, Rule]:
    """A word, a rule, a query and commissioned content, which all name what only the centre reads."""
    rule = Rule(queries=[f"查询{MARK}"], hidden=[house.courses[2]])
    rule.pins = [Pin(course=house.courses[0])]
    rule.save()
    today = timezone.localdate()
    asked = AskedQuery.objects.create(text=f"失败{MARK}", sound="shibaiyi", found=0, asked_on=today)
    QueryCount.objects.create(query=asked, day=today, searches=9)
    Gap.objects.create(sound="daizhiyi", text=f"待制{MARK}", wanted=True, note=MARK)
    return Term.objects.create(word=f"词{MARK}", same=[f"同{MARK}"]), rule


@pytest.fixture
def home(world: World) -> Page:
    return CollectionIndexPage.objects.get().get_parent()
