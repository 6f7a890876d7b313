"""Harvest sources in the desk: the list, the form, and the page with the report of the last harvest."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django.views.generic import View
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import Column, DateColumn

from catalog import policy
from catalog.exchange import HarvestSource
from catalog.harvest.run import harvest_source
from catalog.models import Course
from cms.scoping import ScopedForm
from cms.viewsets import ItemIndexView, ItemView, ScopedModelViewSet

KINDS = {"created": "新增", "updated": "更新", "rejected": "退回", "vanished": "对方已删除"}


class HarvestSourceForm(ScopedForm):
    """Another address, set or owner is another harvest: it begins anew."""

    WHAT = frozenset({"institution", "kind", "address", "spec"})

    def clean_address(self) -> str:
        address = self.cleaned_data["address"]
        if not address.startswith(("http://", "https://")):
            raise ValidationError("请填写以 http:// 或 https:// 开头的完整网址。")
        return address

    def clean_hours(self) -> int:
        hours = self.cleaned_data["hours"]
        if not 1 <= hours <= 24 * 30:
            raise ValidationError("请填写 1 到 720 之间的小时数。")
        return hours

    def save(self, commit: bool = True) -> HarvestSource:
        if self.WHAT & set(self.changed_data):
            self.instance.since, self.instance.due_at = "", timezone.now()
        return super().save(commit)


class HarvestView(ItemView):
    """One source: what it is, and what the last harvest brought."""

    template_name = "cms/desk/harvest.html"
    page_title = "收割"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        source = self.object
        entries = source.report.get("entries", ())
        ids = [entry["id"] for entry in entries]
        own = policy.scope(Course.objects.filter(external_source=source.source, external_id__in=ids), self.request.user)
        courses = dict(own.filter(institution=source.institution_id).values_list("external_id", "pk"))
        groups = [
            (label, source.report.get(kind, 0), [(entry, courses.get(entry["id"])) for entry in found])
            for kind, label in KINDS.items()
            if (found := [entry for entry in entries if entry["kind"] == kind])
        ]
        running = source.lease_until is not None and source.lease_until > timezone.now()
        may_change = policy.may(self.request.user, "change", source)
        context = {"source": source, "groups": groups, "running": running, "may_change": may_change}
        return {**super().get_context_data(**kwargs), **context}


@method_decorator(require_POST, name="dispatch")
class HarvestNowView(View):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        source = get_object_or_404(HarvestSource, pk=pk)
        if not source.active:
            messages.error(request, "这个来源已停用：请先在“编辑”里启用。")
        else:
            HarvestSource.objects.filter(pk=pk).update(due_at=timezone.now())
            harvest_source.enqueue(pk)
            messages.success(request, "已排队，结果稍后显示在这一页。")
        return redirect("harvests:inspect", pk)


def _result(source: HarvestSource) -> str:
    report = source.report
    if not report:
        return "还没有收割"
    return report["error"] or f"新增 {report['created']}，更新 {report['updated']}，退回 {report['rejected']}"


class HarvestSourceViewSet(ScopedModelViewSet):
    model = HarvestSource
    icon = "download"
    name = "harvests"
    inspect_view_enabled = True
    index_view_class = ItemIndexView
    inspect_view_class = HarvestView
    list_display = [
        "address",
        Column("kind", label="种类", accessor="get_kind_display", sort_key="kind"),
        "institution",
        Column("active", label="启用", accessor=lambda source: "是" if source.active else "否"),
        DateColumn("ended_at", label="上次收割", sort_key="ended_at"),
        Column("report", label="结果", accessor=_result),
    ]
    list_filter = ["institution", "kind", "active"]
    edit_handler = ObjectList(
        [
            FieldPanel("institution", widget=forms.Select),
            FieldPanel("kind", widget=forms.Select),
            FieldPanel("address", help_text="OAI-PMH 填 baseURL（不带 verb）；订阅源填 RSS、Atom 或播客的网址。"),
            FieldPanel("spec"),
            FieldPanel("hours"),
            FieldPanel("active"),
        ],
        base_form_class=HarvestSourceForm,
    )

    def extra_urlpatterns(self) -> list[URLPattern]:
        return [path("harvest/<int:pk>/", HarvestNowView.as_view(), name="harvest")]
