"""Inviting somebody to work for an institution: a signed link by mail, good once and for seven days.

The link carries the invitation's key and its ``nonce``; accepting takes the row away, sending again changes the nonce,
so that each link works at most once. Who may give which role where is ``catalog.policy``'s answer, and it is asked
again when the invitation is accepted: what somebody promised who has left is worth nothing.
"""

from __future__ import annotations

from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from wagtail.admin import messages

from accounts import limits
from accounts.models import User
from catalog import policy
from catalog.addresses import absolute
from catalog.models import Membership
from cms.models import Invitation

LIFE = timedelta(days=7)
SALT = "cms.invitations"
PAGE = 40
OPEN = 100
"""Invitations of one person that may wait at a time; how many a day is ``settings.ACCOUNT_RATE_LIMITS``."""


def link(invitation: Invitation) -> str:
    """The address that accepts this invitation."""
    token = signing.dumps([invitation.pk, invitation.nonce], salt=SALT)
    return absolute(reverse("join", args=[token]))


def of_link(token: str) -> Invitation | None:
    """The invitation behind a link; None when the link is not ours, too old or used, or the offer does not hold."""
    try:
        pk, nonce = signing.loads(token, salt=SALT, max_age=LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = Invitation.objects.select_related("institution", "invited_by").filter(pk=pk, nonce=nonce).first()
    if found is None or found.invited_by is None:
        return None
    return found if found.role in policy.roles_to_give(found.invited_by, found.institution) else None


def send(invitation: Invitation, by: User) -> bool:
    """Makes a new link and mails it; whether the mail went out."""
    invitation.nonce, invitation.sent_at, invitation.invited_by = token_urlsafe(16), timezone.now(), by
    invitation.email = invitation.email.lower()
    invitation.save()
    house, role = invitation.institution.name, invitation.get_role_display()
    body = (
        f"您好！\n\n{by.get_full_name()}邀请您加入“{house}”，角色是{role}。\n\n"
        f"请在 {LIFE.days} 天内打开下面的地址，登录或注册以后接受邀请：\n{link(invitation)}\n\n"
        "这个地址只能用一次，请不要转给别人。如果您不认识邀请您的人，不用理会这封信。\n\n文澜\n"
    )
    return bool(send_mail(f"邀请您加入{house}", body, None, [invitation.email], fail_silently=True))


def accept(invitation: Invitation, user: User) -> bool:
    """Makes ``user`` a member, once; False when somebody was quicker."""
    with transaction.atomic():
        taken, _ = Invitation.objects.filter(pk=invitation.pk, nonce=invitation.nonce).delete()
        if not taken:
            return False
        Membership.objects.update_or_create(
            user=user, institution=invitation.institution, defaults={"role": invitation.role}
        )
        if not user.email:
            user.email = invitation.email
            user.save(update_fields=["email"])
    return True


# In the desk ----------------------------------------------------------------------------------------


class InvitationForm(forms.ModelForm):
    class Meta:
        model = Invitation
        fields = ["email", "institution", "role"]

    def __init__(self, *args: Any, user: policy.Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field: Any = self.fields["institution"]
        field.queryset = policy.institutions_of(user, policy.roles_for(Membership, "change")).order_by("path")
        field.label_from_instance = lambda house: f"{'　' * (house.depth - 1)}{house}"
        if len(choices := field.queryset[:2]) == 1:
            field.initial = choices[0].pk

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        house, role = cleaned.get("institution"), cleaned.get("role")
        if house is None:
            return cleaned
        if role and role not in policy.roles_to_give(self.user, house):
            self.add_error("role", f"您不能在“{house}”给出这个角色：请选别的角色，或请该机构的审核员、编辑中心邀请。")
        if Membership.objects.filter(institution=house, user__email__iexact=cleaned.get("email", "-")).exists():
            self.add_error("email", "此人已是这个机构的成员：请在“成员”里修改角色。")
        return cleaned


def own(user: policy.Person) -> QuerySet[Invitation]:
    """Open invitations of the institutions whose members this person manages."""
    houses = policy.institutions_of(user, policy.roles_for(Membership, "change")).order_by()
    return Invitation.objects.filter(institution__in=houses.values("pk")).select_related("institution", "invited_by")


def index(request: HttpRequest) -> HttpResponse:
    """Open invitations, and the form for one more."""
    if not policy.may_somewhere(request.user, "change", Membership):
        raise PermissionDenied
    form = InvitationForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        if refused := _too_many(request):
            form.add_error(None, refused)
        else:
            _send(request, form.instance)
            return redirect("wenlan_invitations")
    page = Paginator(own(request.user), PAGE).get_page(request.GET.get("p"))
    context = {"header_title": "邀请", "form": form, "page_obj": page, "old": timezone.now() - LIFE}
    return TemplateResponse(request, "cms/desk/invitations.html", context)


def _too_many(request: HttpRequest, *, again: bool = False) -> str:
    """Why this person may send no more letters now, with the remedy; "" when one may go out, which is then counted."""
    mine = Invitation.objects.filter(invited_by=request.user.pk, sent_at__gte=timezone.now() - LIFE)
    if not again and mine.count() >= OPEN:
        return f"您已有 {OPEN} 封邀请还没有被接受：请先收回不再需要的，或等对方接受。"
    if not limits.spend(request, "invitation"):
        return "您今天发出的邀请太多了：请明天再发，或请同事代发。"
    return ""


def _send(request: HttpRequest, invitation: Invitation) -> None:
    if send(invitation, request.user):  # type: ignore[arg-type]
        messages.success(request, f"邀请已发到 {invitation.email}。")
    else:
        messages.error(request, f"给 {invitation.email} 的信没有发出：请稍后按“再发一次”，或告诉运维检查邮件设置。")


def _mine(request: HttpRequest, pk: int) -> Invitation:
    """Raises Http404 for what is not this person's, PermissionDenied for a role this person may not give."""
    found = get_object_or_404(own(request.user), pk=pk)
    if found.role not in policy.roles_to_give(request.user, found.institution):
        raise PermissionDenied
    return found


@require_POST
def resend(request: HttpRequest, invitation_id: int) -> HttpResponse:
    invitation = _mine(request, invitation_id)
    if refused := _too_many(request, again=True):
        messages.error(request, refused)
    else:
        _send(request, invitation)
    return redirect("wenlan_invitations")


@require_POST
def withdraw(request: HttpRequest, invitation_id: int) -> HttpResponse:
    found = _mine(request, invitation_id)
    found.delete()
    messages.success(request, f"给 {found.email} 的邀请已收回，信里的地址不再有效。")
    return redirect("wenlan_invitations")


# At the other end of the link -----------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What is offered, and the button that accepts it: opening the link alone does nothing, for mail programs do."""
    invitation = of_link(token)
    if invitation is None:
        return render(request, "pages/join.html", {"invitation": None}, status=410)
    if request.method == "POST":
        return _accept(request, invitation)
    return render(request, "pages/join.html", {"invitation": invitation, "here": request.path})


@login_required
def _accept(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if not accept(invitation, request.user):  # type: ignore[arg-type]
        return render(request, "pages/join.html", {"invitation": None}, status=410)
    return redirect("wagtailadmin_home")
