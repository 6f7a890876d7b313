import csv
import json

import pytest
from django.core.management import call_command
from openpyxl import Workbook, load_workbook

from catalog import publishing
from catalog.errors import FileRefused
from catalog.exporters import WRITERS, records
from catalog.importers import load, read
from catalog.importers.files import IGNORED, unknown_headings
from catalog.importers.media import MediaSource
from catalog.models import Course, Lesson
from media_pipeline.models import MediaAsset

HEAD = ["编号", "标题", "类型", "简介", "地方", "主题", "教师", "关键词", "许可", "许可到期", "链接", "藏品号"]
SEWING = ["a1", "苗绣针法", "读本", "一针一线", "重庆市黔江区", "常青乐龄", "张三；李四", "刺绣；非遗", "CC BY-SA"]
SONG = ["a2", "山歌", "链接", "", "湖北省谷城县、湖北省武汉市", "", "", "", "", "", "https://example.org/song", ""]
ROWS = [HEAD, [*SEWING, "2030年1月5日", "", "Q-7"], SONG]


@pytest.fixture
def table(tmp_path):
    def write(rows, name="courses.csv", encoding="utf-8"):
        path = tmp_path / name
        with path.open("w", encoding=encoding, newline="") as out:
            csv.writer(out).writerows(rows)
        return path

    return write


def counts(report):
    return report.created, report.updated, report.unchanged, report.rejected_rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_of_any_encoding_comes_in(places, theme, town, table, encoding):
    report = load(read(table(ROWS, encoding=encoding)), town, publish=True)
    assert counts(report) == (2, 0, 0, 0)
    course = Course.objects.get(external_id="a1")
    assert [place.code for place in course.places.all()] == ["500114"]
    assert {teacher.name for teacher in course.teachers.all()} == {"张三", "李四"}
    assert list(course.themes.all()) == [theme]
    assert (course.licence, course.licence_until.isoformat(), course.subjects) == (
        "cc-by-sa",
        "2030-01-05",
        ["刺绣", "非遗"],
    )
    assert (course.extra, course.slug, course.live) == ({"藏品号": "Q-7"}, "miao-xiu-zhen-fa", True)
    song = Course.objects.get(external_id="a2")
    assert (song.kind, song.lessons.get().url) == ("link", "https://example.org/song")
    assert {place.code for place in song.places.all()} == {"420625", "4201"}


def test_xlsx_comes_in_with_numbers_and_dates_as_people_see_them(places, theme, town, tmp_path):
    book = Workbook()
    for row in [
        ["id", "title", "kind", "description"],
        [12, "苗绣", "reading", "一"],
        [None] * 4,
        [13.0, 2024, "读本", "二"],
    ]:
        book.active.append(row)
    book.save(tmp_path / "courses.xlsx")
    assert counts(load(read(tmp_path / "courses.xlsx"), town)) == (2, 0, 0, 0)
    assert dict(Course.objects.values_list("external_id", "title")) == {"12": "苗绣", "13": "2024"}


def test_second_run_changes_nothing_and_a_changed_cell_changes_one(places, theme, town, table):
    load(read(table(ROWS)), town, publish=True)
    assert counts(load(read(table(ROWS)), town, publish=True)) == (0, 0, 2, 0)
    rows = [row[:] for row in ROWS]
    rows[1][3], rows[2][4] = "千针万线", "湖北省谷城县"
    assert counts(load(read(table(rows)), town, publish=True)) == (0, 2, 0, 0)
    assert Course.objects.get(external_id="a1").description == "千针万线"
    assert [place.code for place in Course.objects.get(external_id="a2").places.all()] == ["420625"]
    assert counts(load(read(table(rows)), town, publish=True)) == (0, 0, 2, 0)


def test_same_id_in_two_institutions_is_two_courses(places, theme, town, city, table):
    load(read(table(ROWS)), town)
    assert counts(load(read(table(ROWS)), city)) == (2, 0, 0, 0)


def test_broken_rows_are_named_and_the_rest_comes_in(places, theme, town, table):
    rows = [
        *ROWS,
        ["a3", "", "读本", "", "", "", "", "", "", "", "", ""],
        ["", "没有编号", "读本", "文", "", "", "", "", "", "", "", ""],
        ["a1", "重复", "读本", "文", "", "", "", "", "", "", "", ""],
        ["a5", "坏类型", "电影票", "文", "", "不存在", "", "", "GPL", "明天", "ftp://x", ""],
        ["a6", "好", "读本", "文", "", "", "", "", "", "", "", "", "多出的一格"],
    ]
    report = load(read(table(rows)), town)
    assert counts(report) == (2, 0, 0, 5)
    assert report.rows == report.created + report.rejected_rows
    named = {(problem.row, problem.column) for problem in report.rejected}
    wanted = {(4, "标题"), (5, "编号"), (6, "编号"), (8, "")}
    wanted |= {(7, column) for column in ("类型", "主题", "许可", "许可到期", "链接")}
    assert named == wanted
    assert all(problem.reason and problem.remedy for problem in report.rejected)
    assert next(p for p in report.rejected if p.column == "许可到期").value == "明天"


def test_row_may_not_name_an_institution_out_of_reach(places, town, city, table):
    rows = [
        ["编号", "标题", "简介", "机构"],
        ["1", "甲", "文", "city"],
        ["2", "乙", "文", "谷城县文化馆"],
        ["3", "丙", "文", "无名"],
    ]
    report = load(read(table(rows)), town, only={town.pk})
    assert [(p.row, p.column) for p in report.rejected] == [(2, "机构"), (4, "机构")]
    assert Course.objects.get().institution == town


def test_dry_run_says_the_same_and_stores_nothing(places, theme, table):
    report = load(read(table(ROWS)), dry_run=True)
    assert counts(report) == (2, 0, 0, 0)
    assert not Course.objects.exists()


def test_missing_column_leaves_the_field_alone(places, theme, town, table):
    load(read(table(ROWS)), town, publish=True)
    load(read(table([["编号", "标题"], ["a2", "新山歌"]])), town, publish=True)
    song = Course.objects.get(external_id="a2")
    assert (song.title, song.kind, song.places.count(), song.slug) == ("新山歌", "link", 2, "shan-ge")


def test_unclear_place_is_kept_as_text_with_a_warning(places, town, table):
    report = load(read(table([["编号", "标题", "简介", "地方"], ["1", "甲", "文", "朝阳区"]])), town)
    assert counts(report) == (1, 0, 0, 0)
    assert [(warning.row, warning.column) for warning in report.warnings] == [(2, "地方")]
    assert Course.objects.get().extra == {"所在地": "朝阳区"}


def test_jsonl_of_another_catalogue(places, town, tmp_path):
    lines = [
        {
            "id": "1",
            "source": "ich",
            "kind": "ich",
            "title": "面食",
            "creator": "文化馆",
            "ich_code": "Ⅷ-1",
            "lang": "zh",
        },
        {"id": "2", "source": "wiki", "kind": "article", "description": "昂塞尔德（，）是球员。", "lang": "zh-Hant"},
        "{broken",
    ]
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    (tmp_path / "c.jsonl").write_text(text, encoding="utf-8")
    report = load(read(tmp_path / "c.jsonl"), town, publish=True)
    assert counts(report) == (2, 0, 0, 1)
    assert report.rejected[0].row == 3
    craft, article = Course.objects.order_by("pk")
    assert (craft.kind, craft.language, craft.subjects) == ("reading", "zh-Hans", ["非物质文化遗产"])
    assert craft.extra == {"保护单位": "文化馆", "项目编号": "Ⅷ-1"}
    assert "保护单位：文化馆" in craft.description
    assert (article.title, article.language) == ("昂塞尔德", "zh-Hant")


def test_draft_of_an_earlier_run_is_published_but_not_what_an_editor_took_back(places, theme, town, table):
    load(read(table(ROWS)), town)
    assert not Course.objects.public().exists()
    assert load(read(table(ROWS)), town, publish=True).published == 2
    publishing.withdraw(Course.objects.get(external_id="a1"))
    assert load(read(table(ROWS)), town, publish=True).published == 0
    assert Course.objects.public().count() == 1


def test_change_of_a_public_course_without_publish_waits_as_a_draft(places, theme, town, table):
    load(read(table(ROWS)), town, publish=True)
    rows = [row[:] for row in ROWS]
    rows[1][1] = "苗绣新编"
    assert load(read(table(rows)), town).updated == 1
    course = Course.objects.get(external_id="a1")
    assert (course.title, course.get_latest_revision_as_object().title) == ("苗绣针法", "苗绣新编")
    assert load(read(table(rows)), town).updated == 0


def test_same_titles_get_addresses_of_their_own(places, town, table):
    rows = [["编号", "标题", "简介"], *([str(number), "無題", "詩"] for number in range(5))]
    load(read(table(rows)), town)
    assert Course.objects.values("slug").distinct().count() == 5


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx", "out.jsonl"])
@pytest.mark.usefixtures("places", "theme")
def test_export_read_back_changes_nothing(town, city, table, name):
    load(read(path := table(ROWS)), town, publish=True)
    own = Course(
        institution=city, title="自己建的", kind="reading", description="第一行\n第二行", extra={"说明": "甲，乙"}
    )
    own.save()
    own.save_revision().publish()
    own.title = "自己建的，改了一半"
    own.save_revision()
    path = exported(path.with_name(name))
    assert counts(load(read(path), town, publish=True)) == (0, 0, 3, 0)


def exported(path):
    with path.open("wb") as out:
        assert WRITERS[path.suffix](records(Course.objects.all()), out) == Course.objects.count()
    return path


FORMULAS = [
    "=1+1",
    "=",
    "+86 号",
    "-5 度",
    "@全体",
    "＝甲",
    "'=已有撇号",
    "''-",
    "'普通撇号",
    "#N/A",
    "2026-05-08",
    "007",
]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx", "out.jsonl"])
def test_texts_that_look_like_formulas_leave_as_text_and_come_back_as_they_were(town, tmp_path, name):
    for number, text in enumerate(FORMULAS):
        course = Course(institution=town, title=text, kind="reading", description=text, subjects=[text, "乙"])
        course.external_id, course.external_source, course.extra = f"-{number}", "馆藏", {"=号": text}
        course.save()
    path = exported(tmp_path / name)
    if name.endswith("csv"):
        cells = [cell for row in csv.reader(path.read_text("utf-8-sig").splitlines()) for cell in row]
        assert not [cell for cell in cells if cell[:1] in set("=+-@＝")]
    if name.endswith("xlsx"):
        cells = [cell for row in load_workbook(path).worksheets[0] for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} == {"s"}
    records_again = list(read(path))
    assert [(one.title, one.description, one.subjects, one.extra) for one in records_again] == [
        (text, text, (text, "乙"), {"=号": text}) for text in FORMULAS
    ]
    assert counts(load(read(path), town)) == (0, 0, len(FORMULAS), 0)
    Course.objects.all().delete()
    load(read(path), town)
    assert list(Course.objects.order_by("pk").values_list("title", flat=True)) == FORMULAS


@pytest.mark.usefixtures("places", "theme")
def test_edited_export_changes_its_cells_alone_and_overwrites_nobody(town, table):
    load(read(path := table(ROWS)), town)
    path = exported(path.with_name("out.csv"))
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    title = rows[0].index("标题")
    for row in rows[1:]:
        row[title] += "（新）"
    path = table(rows)
    late = Course.objects.get(external_id="a2")
    late.credit = "山里人"
    late.save()
    fates = []
    report = load(read(path), town, tell=fates.extend)
    assert counts(report) == (0, 1, 0, 1)
    assert "又被别人改过" in report.rejected[0].reason
    assert [(fate.kind, [(one.column, one.before, one.after) for one in fate.changes]) for fate in fates] == [
        ("updated", [("标题", "苗绣针法", "苗绣针法（新）")]),
        ("rejected", []),
    ]
    late.refresh_from_db()
    assert (late.title, late.credit) == ("山歌", "山里人")


@pytest.mark.usefixtures("places", "theme")
def test_links_of_a_public_course_wait_for_review_and_a_draft_keeps_what_the_row_does_not_say(town, table):
    load(read(table(ROWS)), town, publish=True)
    course = Course.objects.get(external_id="a1")
    course.credit = "编辑写的"
    course.save_revision()
    rows = [HEAD[:7], [*SEWING[:3], "新的简介", "湖北省武汉市", "", "王五"]]
    load(read(table(rows)), town)
    course.refresh_from_db()
    shown = Course.objects.get(pk=course.pk)
    assert ([place.name for place in shown.places.all()], shown.description) == (["黔江区"], "一针一线")
    assert {teacher.name for teacher in shown.teachers.all()} == {"张三", "李四"}
    newest = shown.get_latest_revision_as_object()
    assert [place.name for place in newest.places.all()] == ["武汉市"]
    assert [teacher.name for teacher in newest.teachers.all()] == ["王五"]
    assert (newest.credit, newest.description) == ("编辑写的", "新的简介")


def test_name_of_a_teacher_that_is_too_long_is_cut_and_met_again(town, table):
    path = table([["编号", "标题", "教师"], ["1", "苗绣", "张" * 90]])
    assert counts(load(read(path), town)) == (1, 0, 0, 0)
    assert Course.objects.get().teachers.get().name == "张" * 80
    assert counts(load(read(path), town)) == (0, 0, 1, 0)


def test_headings_that_are_not_known_are_told_and_take_the_meaning_a_person_gives(town, table):
    path = table([["编号", "课程题目", "老师", "备注"], ["1", "苗绣", "张三", "旧"]])
    assert unknown_headings(path) == ["课程题目", "老师", "备注"]
    with pytest.raises(FileRefused):
        list(read(path))
    load(read(path, {"课程题目": "title", "老师": "teachers", "备注": IGNORED}), town)
    course = Course.objects.get()
    assert (course.title, course.teachers.get().name, course.extra) == ("苗绣", "张三", {})


def test_rows_dealt_with_before_are_passed_over_but_their_numbers_count(town, table):
    path = table([["编号", "标题"], ["1", "一"], ["2", "二"], ["1", "又一"]])
    fates = []
    load(read(path), town, tell=fates.extend, after=2)
    assert [(fate.row, fate.kind) for fate in fates] == [(3, "created"), (4, "rejected")]
    assert Course.objects.get().title == "二"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("courses.doc", b"x", "format-unknown"),
        ("courses.xlsx", b"not a workbook", "xlsx-broken"),
        ("courses.csv", b"", "heading-missing"),
        ("courses.csv", "编号,简介\n1,二\n".encode(), "heading-missing"),
    ],
)
def test_file_that_cannot_be_read_says_why(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        list(read(tmp_path / name))
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.fixture
def own_index(settings, tmp_path):
    settings.SEARCH_EMBEDDED_PATH = tmp_path / "search"


@pytest.mark.usefixtures("own_index")
def test_command_reports_in_json_and_fails_when_a_row_did(places, theme, town, table, capsys):
    rows = [*ROWS, ["a3", "", "读本", "", "", "", "", "", "", "", "", ""]]
    with pytest.raises(SystemExit) as stopped:
        call_command("import_courses", str(table(rows)), institution="town", publish=True, json=True)
    assert stopped.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["created"], report["rejected"][0]["row"]) == (3, 2, 4)


def test_files_named_in_rows_become_lessons(places, town, table, stores, tmp_path):
    folder = tmp_path / "files" / "day"
    folder.mkdir(parents=True)
    for name in ("one.mp4", "two.mp4"):
        (folder / name).write_bytes(name.encode())
    rows = [
        ["编号", "标题", "文件"],
        ["1", "课", "day/one.mp4；day/two.mp4"],
        ["2", "缺", "day/none.mp4"],
        ["3", "逃", "../x.mp4"],
    ]
    path = table(rows)
    media = MediaSource.at(str(tmp_path / "files"))
    report = load(read(path), town, media=media)
    assert [(p.row, p.column) for p in report.rejected] == [(3, "文件"), (4, "文件")]
    course = Course.objects.get()
    assert course.kind == "video"
    assert [lesson.asset.filename for lesson in course.lessons.all()] == ["day/one.mp4", "day/two.mp4"]
    assert [lesson.number for lesson in course.lessons.all()] == [1, 2]
    assert {asset.owner for asset in MediaAsset.objects.all()} == {"town"}
    load(read(path), town, media=MediaSource.at(str(tmp_path / "files")))
    assert (Lesson.objects.count(), MediaAsset.objects.count()) == (2, 2)
