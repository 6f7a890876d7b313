"""Tables of courses in the desk: looked through, brought in once, told row by row, for the own institutions alone."""

import csv
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from catalog.models import Course
from cms import import_job
from cms.models import ImportRun
from tests.cms.conftest import World
from tests.cms.test_rights import text_of

HEAD = ["编号", "标题", "类型", "简介", "语言"]
FAULTS = {
    100: ("标题", ""),
    200: ("类型", "电影院"),
    300: ("语言", "火星话"),
    400: ("编号", ""),
    500: ("编号", "编号与第 12 行重复"),
    600: ("标题", "长" * 256),
    700: ("简介与格", ""),
}
"""Row of the file → what is wrong there."""


def thousand() -> bytes:
    """A CSV of 1,000 rows with seven faults, each of another kind."""
    rows = [HEAD] + [[f"k{n}", f"第{n}课", "读本", f"正文{n}", "zh-Hans"] for n in range(2, 1002)]
    rows[99][1], rows[99][3] = "", ""
    rows[199][2], rows[299][4], rows[399][0] = "电影院", "火星话", ""
    rows[499][0], rows[599][1] = "k12", "长" * 256
    rows[699].append("多出来的一格")
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def send(client: Client, content: bytes, filename: str = "课程.csv", **more: Any) -> ImportRun:
    given = {"institution": "jia", "table": SimpleUploadedFile(filename, content), **more}
    response = client.post("/cms/imports/", given)
    assert response.status_code == 302, text_of(response)[:2000]
    return work(ImportRun.objects.latest("pk"))


def work(run: ImportRun) -> ImportRun:
    """What the worker does with it, task after task."""
    while ImportRun.objects.get(pk=run.pk).state == "working":
        import_job.work.call(run.pk)
    return ImportRun.objects.get(pk=run.pk)


def bring(client: Client, run: ImportRun) -> ImportRun:
    assert client.post(f"/cms/imports/{run.pk}/bring/").status_code == 302
    return work(run)


def fates(run: ImportRun) -> dict[str, int]:
    return {fate: number for fate, number in import_job.counts(run).items() if number}


def test_thousand_rows_with_seven_faults_come_in_once(world: World) -> None:
    client = world.a.client("editor")
    before = Course.objects.count()
    run = send(client, thousand())
    assert (run.state, run.rows, fates(run)) == ("done", 1000, {"created": 993, "rejected": 7})
    assert Course.objects.count() == before
    page = text_of(client.get(f"/cms/imports/{run.pk}/", {"fate": "rejected"}))
    for row, (column, value) in FAULTS.items():
        told = run.fates.get(row=row)
        assert told.fate == "rejected"
        if row != 700:
            assert told.told["problems"][0][0] == column
        assert all(sentence in page for sentence in (f"<td>{row}</td>", value[:70]))
    run = bring(client, run)
    assert (run.phase, fates(run)) == ("bring", {"created": 993, "rejected": 7})
    assert Course.objects.count() == before + 993
    assert not Course.objects.filter(external_id__startswith="k", live=True).exists()
    again = bring(client, send(client, thousand()))
    assert fates(again) == {"unchanged": 993, "rejected": 7}
    assert Course.objects.count() == before + 993


def test_report_has_every_row_with_its_fate(world: World) -> None:
    client = world.a.client("editor")
    run = send(client, thousand())
    book = load_workbook(BytesIO(client.get(f"/cms/imports/{run.pk}/report/").content))
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert len(rows) == 1000
    assert rows[98][0] == 100
    assert rows[98][3] == "退回"
    assert "缺少标题" in rows[98][4]


def test_report_and_what_it_tells_hold_no_formula(world: World) -> None:
    client = world.a.client("editor")
    run = send(client, "编号,标题,语言\n=1+1,=HYPERLINK(1),=2\n".encode())
    book = load_workbook(BytesIO(client.get(f"/cms/imports/{run.pk}/report/").content))
    cells = next(book.worksheets[0].iter_rows(min_row=2))
    assert [cell.value for cell in cells[:4]] == [2, "=1+1", "=HYPERLINK(1)", "退回"]
    assert [cell.data_type for cell in cells] == ["n", "s", "s", "s", "s"]


def test_killed_in_the_middle_it_goes_on_with_the_next_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.a.client("editor")
    run = send(client, thousand())
    import_job.again(run, "bring")
    monkeypatch.setattr(import_job, "TURN", -1.0)  # a task ends after one batch
    import_job.work.call(run.pk)
    assert 0 < run.fates.count() < 1000
    first = ImportRun.objects.get(pk=run.pk)
    ImportRun.objects.filter(pk=run.pk).update(lease_until="2000-01-01T00:00Z")  # its worker was killed, long ago
    assert import_job.ring_again() == 1
    run = work(first)
    assert fates(run) == {"created": 993, "rejected": 7}


def test_edited_export_shows_old_and_new_and_changes_its_cells_alone(world: World) -> None:
    client = world.a.client("editor")
    bring(client, send(client, "编号,标题,简介\n1,苗绣,一针\n2,蜀绣,一线\n".encode()))
    exported = client.get("/cms/courses/", {"q": "苗绣", "export": "csv"}).content
    run = send(client, exported.replace("苗绣".encode(), "苗绣针法".encode()))
    assert run.fates.get().told["changes"] == [["标题", "苗绣", "苗绣针法"]]
    page = text_of(client.get(f"/cms/imports/{run.pk}/"))
    assert "<del>苗绣</del> → <ins>苗绣针法</ins>" in page
    bring(client, run)
    assert set(Course.objects.filter(external_id__in="12").values_list("title", "description")) == {
        ("苗绣针法", "一针"),
        ("蜀绣", "一线"),
    }


def test_unknown_headings_are_asked_for_and_remembered(world: World) -> None:
    client = world.a.client("editor")
    table = "编号,课程题目,备注\n1,苗绣,旧\n".encode()
    run = send(client, table)
    assert run.state == "refused"
    page = text_of(client.get(f"/cms/imports/{run.pk}/"))
    assert "课程题目" in page
    assert "课程.csv 的第一行没有“标题”列" in page
    client.post(f"/cms/imports/{run.pk}/headings/", {"heading-课程题目": "title", "heading-备注": "-"})
    assert fates(work(run)) == {"created": 1}
    assert fates(send(client, table)) == {"created": 1}


@pytest.mark.parametrize("filename", ["课程.doc", "课程.xlsx", "课程.csv"])
def test_what_is_no_table_is_refused_with_the_reason(world: World, filename: str) -> None:
    client = world.a.client("editor")
    given = {"institution": "jia", "table": SimpleUploadedFile(filename, b"\x00\x01")}
    response = client.post("/cms/imports/", given)
    if filename.endswith("doc"):
        assert "不认识“课程.doc”" in text_of(response)
        assert not ImportRun.objects.filter(filename=filename).exists()
        return
    run = work(ImportRun.objects.get(filename=filename))
    assert run.state == "refused"
    assert filename in run.reason


def test_files_of_a_row_are_those_uploaded_before(world: World) -> None:
    asset = world.a.assets[0]
    client = world.a.client("editor")
    table = f"编号,标题,文件\n1,苗绣,{asset.filename}\n2,蜀绣,没传过.mp4\n".encode()
    run = bring(client, send(client, table))
    assert fates(run) == {"created": 1, "rejected": 1}
    assert Course.objects.get(external_id="1").lessons.get().asset == asset
    assert "先在“上传”里传好" in run.fates.get(fate="rejected").told["problems"][0][3]


def test_table_names_no_other_institution_and_shows_no_other_run(world: World) -> None:
    a, b = world.a.client("editor"), world.b.client("editor")
    run = send(a, f"编号,标题,机构\n1,苗绣,{world.b.institution.code}\n".encode())
    assert run.fates.get().told["problems"][0][2] == "不属于您可以导入的机构"
    for address in ("", "way/", "report/"):
        assert b.get(f"/cms/imports/{run.pk}/{address}").status_code == 404
    for address in ("bring/", "headings/"):
        assert b.post(f"/cms/imports/{run.pk}/{address}").status_code == 404
    assert run.filename not in text_of(b.get("/cms/imports/"))
    response = b.post("/cms/imports/", {"institution": "jia", "table": SimpleUploadedFile("a.csv", b"x")})
    assert response.status_code == 200
    assert not ImportRun.objects.filter(filename="a.csv").exists()
    assert world.a.client("uploader").get("/cms/imports/").status_code in {302, 403}


def test_person_who_lost_the_right_brings_nothing_in(world: World) -> None:
    client = world.a.client("editor")
    run = send(client, "编号,标题\n1,苗绣\n".encode())
    world.a.people["editor"].memberships.all().delete()
    import_job.again(run, "bring")
    assert "不能在这家机构" in work(run).reason
    assert not Course.objects.filter(external_id="1").exists()


def test_templates_have_all_headings_and_can_be_brought_in_empty(world: World) -> None:
    client = world.a.client("editor")
    for suffix in ("xlsx", "csv"):
        response = client.get(f"/cms/imports/template.{suffix}")
        run = send(client, response.content, f"模板.{suffix}")
        assert (run.state, run.rows, fates(run)) == ("done", 0, {})
    assert client.get("/cms/imports/template.exe").status_code == 404
