"""What people can do with what is held about them: read of it, take it along, close the account."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import export, leaving, limits, personal
from accounts.models import User


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept about people, why and how long."""
    held = personal.holdings()
    context = {
        "everybody": [one for one in held if not one.staff],
        "staff": [one for one in held if one.staff],
        "operator": {"name": settings.OPERATOR_NAME, "contact": settings.OPERATOR_CONTACT},
    }
    return render(request, "pages/privacy.html", context)


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["display_name"]
        labels = {"display_name": gettext_lazy("姓名")}


def _on_data(person: Any, naming: NameForm) -> dict[str, Any]:
    return {"tables": export.tables(person), "naming": naming}


@never_cache
@login_required
@require_POST
@reauthentication_required
def rename(request: HttpRequest) -> HttpResponse:
    """Changes the name that others see."""
    form = NameForm(request.POST, instance=request.user)
    if not form.is_valid():
        return render(request, "account/my_data.html", _on_data(request.user, form), status=422)
    form.save()
    messages.success(request, _("姓名已改。"))
    return redirect("my_data")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def my_data(request: HttpRequest) -> HttpResponseBase:
    """What is held about the person; on POST, all of it as a ZIP file."""
    if request.method != "POST":
        return render(request, "account/my_data.html", _on_data(request.user, NameForm(instance=request.user)))
    if refused := limits.refusal(request, "export"):
        return refused
    name = _("我的数据") + f"-{timezone.localdate():%Y%m%d}.zip"
    return FileResponse(export.make(request.user), as_attachment=True, filename=name)  # type: ignore[arg-type]


class LeaveForm(forms.Form):
    sure = forms.BooleanField(label=gettext_lazy("我知道注销以后不能恢复"))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def leave(request: HttpRequest) -> HttpResponse:
    """Says what goes and what stays and why; on POST, closes the account."""
    form = LeaveForm(request.POST or None)
    person: Any = request.user
    if request.method == "POST" and form.is_valid():
        if refused := limits.refusal(request, "leave"):
            return refused
        try:
            leaving.forget(person)
        except leaving.MayNotLeave:
            return render(request, "account/leave.html", _on_leaving(person, form), status=409)
        request.session.flush()
        request.session[leaving.LEFT] = True
        return redirect("left")
    return render(request, "account/leave.html", _on_leaving(person, form))


def _on_leaving(person: Any, form: LeaveForm) -> dict[str, Any]:
    """For the page: what this person has, in two heaps; what stays is told once for each reason."""
    tables = export.tables(person)
    stays: dict[str, list[export.Table]] = {}
    for table in tables:
        if table.rows.stays:
            stays.setdefault(str(table.rows.stays), []).append(table)
    goes = [table for table in tables if not table.rows.stays]
    return {"form": form, "goes": goes, "stays": stays, "obstacles": leaving.obstacles(person)}


@never_cache
@require_safe
def left(request: HttpRequest) -> HttpResponse:
    """Says that the account is closed, and clears the device; only where somebody was signed in who has left."""
    if not request.session.get(leaving.LEFT):
        return redirect("/")
    request.session.flush()
    return render(request, "account/left.html")
