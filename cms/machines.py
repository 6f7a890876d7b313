"""What partners' machines need from the desk: tokens, made, shown once and revoked; webhooks with their deliveries."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from wagtail.admin.panels import FieldPanel, FieldRowPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import CreateView, IndexView

from catalog import policy, webhooks
from catalog.machines import ApiToken, Delivery, Event, Scope, Webhook
from catalog.models import Institution
from cms.scoping import ScopedForm
from cms.viewsets import ItemIndexView, ItemView, ScopedModelViewSet


class OwnForm(ScopedForm):
    """A form that knows the institution of those who have only one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(self.fields["institution"].queryset[:2])
        if len(choices) == 1 and not self.instance.pk:
            self.initial["institution"] = choices[0].pk


class TokenForm(OwnForm):
    """A new token; of one that is in use only the name changes."""

    scopes = forms.MultipleChoiceField(label="权限", choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("institution", "scopes", "expires"):
                self.fields.pop(name, None)

    def clean_institution(self) -> Institution:
        institution: Institution = self.cleaned_data["institution"]
        person = policy.bound(get_user_model().objects.get(pk=self.for_user.pk), institution)
        if not policy.may(person, "add", ApiToken(institution=institution)):
            raise ValidationError("令牌替成员工作，而您不是这个机构的编辑：请由机构的编辑建立。")
        return institution


class TokenIndexView(IndexView):
    def get_base_queryset(self) -> QuerySet[ApiToken]:
        return super().get_base_queryset().select_related("institution", "user")


class TokenCreateView(CreateView):
    def save_instance(self) -> ApiToken:
        token: ApiToken = self.form.save(commit=False)
        token.user = self.request.user
        secret = token.make_secret()
        token.save()
        messages.warning(self.request, f"令牌只显示这一次，请现在抄下：{secret}")
        return token


class TokenViewSet(ScopedModelViewSet):
    model = ApiToken
    icon = "key"
    name = "tokens"
    index_view_class = TokenIndexView
    add_view_class = TokenCreateView
    list_display = [
        "name",
        Column("institution", label="机构", accessor="institution"),
        Column("user", label="替谁工作", accessor="user"),
        Column("scopes", label="权限", accessor=lambda token: "、".join(token.scopes)),
        Column("last_used", label="上次使用", accessor=lambda token: token.last_used or "从未"),
        Column("expires", label="到期", accessor=lambda token: token.expires or "不到期"),
    ]
    edit_handler = ObjectList(
        [
            FieldPanel("name", help_text="哪个程序用它，如“馆藏系统”。"),
            FieldRowPanel([FieldPanel("institution", widget=forms.Select), FieldPanel("expires")]),
            FieldPanel("scopes"),
        ],
        base_form_class=TokenForm,
    )


class WebhookForm(OwnForm):
    events = forms.MultipleChoiceField(label="事件", choices=Event.choices, widget=forms.CheckboxSelectMultiple)

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        if not address.startswith(("https://", "http://")):
            raise ValidationError("应以 https:// 或 http:// 开头。")
        return address


class WebhookCreateView(CreateView):
    def save_instance(self) -> Webhook:
        hook: Webhook = self.form.save(commit=False)
        secret = hook.make_secret()
        hook.save()
        messages.warning(self.request, f"签名密钥只显示这一次，请现在抄下：{secret}")
        return hook


class WebhookIndexView(ItemIndexView):
    def get_base_queryset(self) -> QuerySet[Webhook]:
        return super().get_base_queryset().select_related("institution")


def _state(hook: Webhook) -> str:
    if hook.active:
        return "启用"
    return "一直送不到，已停用" if hook.failures else "停用"


class WebhookView(ItemView):
    """The last deliveries of one webhook."""

    template_name = "cms/desk/webhook.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        deliveries = Delivery.objects.filter(webhook=self.object).order_by("-pk")[:50]
        return {**super().get_context_data(**kwargs), "hook": self.object, "deliveries": deliveries}


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Sends a message of no consequence."""
    hook = get_object_or_404(Webhook, pk=pk)
    webhooks.write(hook, "test", {"message": "你好"})
    _say_queued(request, hook)
    return redirect("webhooks:inspect", pk)


@require_POST
def resend(request: HttpRequest, pk: int, delivery_pk: int) -> HttpResponse:
    delivery = get_object_or_404(Delivery.objects.select_related("webhook"), pk=delivery_pk, webhook=pk)
    webhooks.resend(delivery)
    _say_queued(request, delivery.webhook)
    return redirect("webhooks:inspect", pk)


def _say_queued(request: HttpRequest, hook: Webhook) -> None:
    if hook.active:
        messages.success(request, "消息已排队，几秒后刷新本页看结果。")
    else:
        messages.warning(request, "消息已排队，但这个网络钩子停用着：请编辑它，勾上“启用”，消息就会发出。")


class WebhookViewSet(ScopedModelViewSet):
    model = Webhook
    icon = "link-external"
    name = "webhooks"
    inspect_view_enabled = True
    index_view_class = WebhookIndexView
    add_view_class = WebhookCreateView
    inspect_view_class = WebhookView
    list_display = [
        "address",
        Column("institution", label="机构", accessor="institution"),
        Column("events", label="事件", accessor=lambda hook: "、".join(hook.events)),
        Column("active", label="状态", accessor=_state),
        Column("failures", label="连续失败", accessor="failures"),
    ]
    edit_handler = ObjectList(
        [
            FieldPanel("address", help_text="对方接收消息的网址。"),
            FieldRowPanel([FieldPanel("institution", widget=forms.Select), FieldPanel("active")]),
            FieldPanel("events"),
        ],
        base_form_class=WebhookForm,
    )

    def extra_urlpatterns(self) -> list[URLPattern]:
        return [
            path("test/<int:pk>/", test, name="test"),
            path("resend/<int:pk>/<int:delivery_pk>/", resend, name="resend"),
        ]
