"""Tables of courses in the desk: taken in, looked through row by row, brought in, and the templates to begin with."""

import tempfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from openpyxl import Workbook
from openpyxl.styles import PatternFill

from accounts import deeds
from catalog import policy
from catalog.errors import FileRefused
from catalog.exporters import WRITERS
from catalog.formulas import xlsx_text
from catalog.importers import buckets
from catalog.importers.files import IGNORED, READERS, unknown_headings
from catalog.importers.record import FIELDS, HEADINGS
from catalog.importers.shelves import ArchiveShelf
from catalog.models import Course, Institution
from cms import import_job
from cms.models import Heading, ImportedRow, ImportRun
from media_pipeline.errors import Failed
from media_pipeline.models import Upload
from media_pipeline.storage import store

RUNS, ROWS = 20, 50
SOURCES = [("", "以前上传的文件"), (ImportRun.ARCHIVE, "一个 ZIP 压缩包")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = {".csv": "text/csv; charset=utf-8", ".xlsx": XLSX, ".jsonl": "application/jsonl; charset=utf-8"}
MARKS = {"created": "DCEFE2", "updated": "FDF6E7", "unchanged": "", "rejected": "F8E3DE"}


class TableForm(forms.Form):
    """A table, and where the files are that it names. A table may also lie in the archive of the files."""

    institution = forms.ModelChoiceField(Institution.objects.none(), label="机构", to_field_name="code")
    table = forms.FileField(label="表格", required=False)
    source = forms.ChoiceField(label="课程的文件在哪里", widget=forms.RadioSelect, required=False)
    archive = forms.UUIDField(widget=forms.HiddenInput, required=False)
    publish = forms.BooleanField(label="导入后直接发布内容齐全的课程", required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        own = policy.institutions_of(user, policy.roles_for(Course, "add")).order_by("path")
        self.fields["institution"].queryset = own  # type: ignore[attr-defined]
        if len(own[:2]) == 1:
            self.fields["institution"].initial = own[0].code
        named = [(f"{ImportRun.BUCKET}{name}", f"存储桶：{name}") for name in buckets.names(own)]
        self.fields["source"].choices = [*SOURCES, *named]  # type: ignore[attr-defined]
        self.fields["source"].initial = ""
        if not import_job.own_institutions(user, publish=True):
            del self.fields["publish"]

    def clean_table(self) -> Any:
        table = self.cleaned_data["table"]
        if table is None:
            return None
        if PurePosixPath(table.name).suffix.lower() not in READERS:
            raise forms.ValidationError(f"不认识“{table.name}”。请使用 {'、'.join(sorted(READERS))}。")
        if table.size > import_job.MAX_BYTES:
            raise forms.ValidationError(f"“{table.name}”超过 {import_job.MAX_BYTES >> 20} MB。请拆成几个文件。")
        return table

    def clean(self) -> dict[str, Any]:
        """Adds ``name`` and ``content`` of the table, and the archive as its upload."""
        given = super().clean() or {}
        if self.errors:
            return given
        try:
            given["archive"] = self._archive(given) if given["source"] == ImportRun.ARCHIVE else None
            if given["source"].startswith(ImportRun.BUCKET):
                buckets.opened(given["source"].removeprefix(ImportRun.BUCKET), given["institution"])
            if table := given["table"]:
                given["name"], given["content"] = table.name, table.read()
            elif given["archive"]:
                shelf = ArchiveShelf(store(), given["archive"].key)
                given["name"], given["content"] = shelf.table(import_job.MAX_BYTES)
            else:
                self.add_error("table", "请选择表格。")
        except FileRefused as refused:
            self.add_error("source", str(refused))
        except Failed:
            self.add_error("source", "暂时读不到压缩包。请稍后再试，或重新上传。")
        return given

    def _archive(self, given: dict[str, Any]) -> Upload:
        sent = policy.scope(Upload.objects.filter(archive=True, state=Upload.State.COMPLETE), self.user, "change")
        found = sent.filter(uid=given["archive"], owner=given["institution"].code).first() if given["archive"] else None
        if found is None:
            raise FileRefused("no-archive", "还没有收到压缩包。", "请选好机构和压缩包，等它传完。")
        return found


def _own(request: HttpRequest) -> QuerySet[ImportRun]:
    """Runs of this person's institutions, without their content."""
    own = policy.institutions_of(request.user, policy.roles_for(Course, "add"))
    runs = ImportRun.objects.defer("content").select_related("institution", "user", "archive")
    return runs if policy.is_central(request.user) else runs.filter(institution__in=own.values("pk"))


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """A table is given here; below, the tables given so far."""
    if not policy.may_somewhere(request.user, "add", Course):
        raise PermissionDenied
    form = TableForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        more = {"publish": given.get("publish", False), "source": given["source"], "archive": given["archive"]}
        run = import_job.begin(request.user, given["institution"], given["name"], given["content"], **more)
        return redirect("wenlan_import", run.pk)
    page = Paginator(_own(request), RUNS).get_page(request.GET.get("p"))
    return TemplateResponse(request, "cms/desk/imports.html", {"header_title": "导入", "form": form, "page_obj": page})


@require_safe
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One table: how far it is, what becomes of its rows, what its headings mean."""
    one = get_object_or_404(_own(request), pk=run_id)
    fate = request.GET.get("fate", "")
    fates = one.fates.filter(fate=fate) if fate in ImportedRow.Fate.values else one.fates.all()
    counts = import_job.counts(one)
    context = {
        "header_title": one.filename,
        "run": one,
        "counts": [(fate.value, fate.label, counts[fate.value]) for fate in ImportedRow.Fate],
        "fate": fate,
        "percent": percent(one),
        "page_obj": Paginator(fates, ROWS).get_page(request.GET.get("p")),
        "headings": _headings(one) if one.state != ImportRun.State.WORKING else [],
        "fields": [(name, HEADINGS[name][0]) for name in FIELDS],
        "coming": [sum(counted) for counted in zip(*one.coming.values(), strict=True)],
        "ready": one.state == "done" and one.phase == "check" and counts["created"] + counts["updated"],
    }
    return TemplateResponse(request, "cms/desk/import.html", context)


def percent(one: ImportRun) -> int:
    return 100 if one.state != ImportRun.State.WORKING else min(99, 100 * one.done // max(one.rows, 1))


@require_safe
def way(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far a table is, as the piece of HTML that its page asks for while it goes on."""
    one = get_object_or_404(_own(request), pk=run_id)
    context = {"run": one, "percent": percent(one)}
    return TemplateResponse(request, "cms/desk/import_way.html", context, headers={"Cache-Control": "no-store"})


@require_POST
def bring(request: HttpRequest, run_id: int) -> HttpResponse:
    """Brings a table in that was looked through; does again what could not be done."""
    one = get_object_or_404(_own(request), pk=run_id)
    if one.state == ImportRun.State.DONE:
        import_job.again(one, ImportRun.Phase.BRING)
    elif one.state == ImportRun.State.REFUSED:
        import_job.again(one, one.phase)
    return redirect("wenlan_import", one.pk)


@require_POST
def name(request: HttpRequest, run_id: int) -> HttpResponse:
    """Keeps what the headings of a table mean, for this and later tables of the institution, and looks again."""
    one = get_object_or_404(_own(request), pk=run_id)
    if one.state == ImportRun.State.WORKING:
        messages.warning(request, "表格还在检查：请等检查完再对应列名。")
        return redirect("wenlan_import", one.pk)
    for heading, _meaning in _headings(one):
        field = request.POST.get(f"heading-{heading}", "")
        if field in FIELDS or field == IGNORED:
            Heading.objects.update_or_create(institution=one.institution, heading=heading, defaults={"field": field})
        else:
            Heading.objects.filter(institution=one.institution, heading=heading).delete()
    ImportRun.objects.filter(pk=one.pk).update(rows=0)
    import_job.again(one, ImportRun.Phase.CHECK)
    return redirect("wenlan_import", one.pk)


def _headings(one: ImportRun) -> list[tuple[str, str]]:
    """Headings that are no field's, with what this institution says they mean."""
    with _file_of(one) as table:
        try:
            unknown = [heading[:120] for heading in unknown_headings(Path(table.name))]
        except FileRefused:
            return []
    said = dict(Heading.objects.filter(institution=one.institution).values_list("heading", "field"))
    return [(heading, said.get(heading, "")) for heading in unknown]


def _file_of(one: ImportRun) -> Any:
    table = tempfile.NamedTemporaryFile(suffix=PurePosixPath(one.filename).suffix.lower())  # noqa: SIM115 - the caller closes
    table.write(one.content)
    table.flush()
    return table


# Downloads ------------------------------------------------------------------------------------------


@require_safe
def report(request: HttpRequest, run_id: int) -> HttpResponse:
    """Every row with its fate and the reason, marked by colour."""
    one = get_object_or_404(_own(request), pk=run_id)
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for column, width in zip("ABCDE", (6, 18, 40, 8, 90), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.append(["行", "编号", "标题", "结果", "说明"])
    for name, *why in one.left_out:
        sheet.append(["", *(xlsx_text(sheet, text) for text in ("", name, "没有收", "。".join(why)))])
    for row in one.fates.iterator(2000):
        said = (row.external_id, row.title, row.get_fate_display(), "\n".join(sentences(row)))
        cells = [xlsx_text(sheet, text) for text in said]
        if colour := MARKS[row.fate]:
            cells[2].fill = PatternFill("solid", fgColor=colour)
        sheet.append([row.row, *cells])
    out = BytesIO()
    book.save(out)
    return download(out.getvalue(), f"{PurePosixPath(one.filename).stem}-结果.xlsx")


def sentences(row: ImportedRow) -> list[str]:
    """What is to be said of a row: what is wrong with it or worth a look, the files it brings, and each cell that it
    changes."""
    problems = [
        f"{column}{f'“{value}”' if value else ''}：{reason}。{remedy}"
        for column, value, reason, remedy in row.told.get("problems", ())
    ]
    changes = [f"{column}：{before or '空'} → {after or '空'}" for column, before, after in row.told.get("changes", ())]
    return problems + row.file_sentences + changes


@require_safe
def template(request: HttpRequest, suffix: str) -> HttpResponse:
    """An empty table with all headings."""
    writer = WRITERS.get(f".{suffix}")
    if writer is None or suffix == "jsonl":
        raise Http404
    out = BytesIO()
    writer([], out)
    return download(out.getvalue(), f"文澜课程模板.{suffix}")


def download(content: bytes, filename: str) -> HttpResponse:
    """A file to keep. Data that leaves the desk is a deed."""
    deeds.note("export", filename, bytes=len(content))
    headers = {"Content-Disposition": content_disposition_header(True, filename) or ""}
    return HttpResponse(content, content_type=TYPES[PurePosixPath(filename).suffix], headers=headers)


urlpatterns = [
    path("imports/", index, name="wenlan_imports"),
    path("imports/template.<slug:suffix>", template, name="wenlan_import_template"),
    path("imports/<int:run_id>/", run, name="wenlan_import"),
    path("imports/<int:run_id>/way/", way, name="wenlan_import_way"),
    path("imports/<int:run_id>/bring/", bring, name="wenlan_import_bring"),
    path("imports/<int:run_id>/headings/", name, name="wenlan_import_headings"),
    path("imports/<int:run_id>/report/", report, name="wenlan_import_report"),
]
