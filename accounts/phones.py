"""Phone numbers to sign in with: kept as ITU-T E.164 has them, confirmed by a code that a message gateway sends.

django-allauth asks for number and code; this module keeps the number and speaks to the gateway. Without a gateway
(``SMS_URL`` or ``SMS_SENDER``) nobody is asked for a number.
"""

import logging
import re
from typing import Any

import urllib3
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.fields import PhoneField as E164Field
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User

PATIENCE = urllib3.Timeout(connect=3.0, read=10.0)  # seconds; somebody waits for the page that sends
logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The gateway did not take a message; the text says why, for the log."""


class PhoneField(E164Field):
    """A number as people in China write theirs, 138 0013 8000, or any with its country, +44 …."""

    default_error_messages = {"invalid": gettext_lazy("请写 11 位手机号；国外号码前加国家码，例如 +44。")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**(kwargs | {"label": gettext_lazy("手机号")}))
        self.widget.attrs.pop("placeholder", None)
        self.validators[0].message = self.error_messages["invalid"]

    def to_python(self, value: Any) -> str:
        return e164(super().to_python(value))


def e164(written: str) -> str:
    """What people write, with the country in front; what is no number stays what it is."""
    number = re.sub(r"[\s()-]", "", written)
    return f"+86{number}" if re.fullmatch(r"1[3-9]\d{9}", number) else number


class Adapter(DefaultAccountAdapter):
    def phone_form_field(self, **kwargs: Any) -> PhoneField:
        return PhoneField(**kwargs)

    def get_phone(self, user: User) -> tuple[str, bool] | None:
        return (user.phone, user.phone_confirmed) if user.phone else None

    def set_phone(self, user: User, phone: str, verified: bool) -> None:
        """A number belongs to who confirms it; who only wrote it down loses it to the next who does."""
        User.objects.filter(phone=phone, phone_confirmed=False).exclude(pk=user.pk).update(phone=None)
        user.phone, user.phone_confirmed = phone, verified
        user.save(update_fields=["phone", "phone_confirmed"])

    def set_phone_verified(self, user: User, phone: str) -> None:
        self.set_phone(user, phone, verified=True)

    def get_user_by_phone(self, phone: str) -> User | None:
        return User.objects.filter(phone=e164(phone), phone_confirmed=True).first()

    def send_verification_code_sms(self, user: User, phone: str, code: str, **_more: Any) -> None:
        self._send(phone, _("【文澜】验证码 {code}，请勿告诉别人。").format(code=code))

    def send_unknown_account_sms(self, phone: str, **_more: Any) -> None:
        self._send(phone, _("【文澜】这个手机号还没有账号，请先注册。"))

    def send_account_already_exists_sms(self, phone: str) -> None:
        self._send(phone, _("【文澜】这个手机号已有账号，直接登录就可以。"))

    def _send(self, phone: str, text: str) -> None:
        try:
            import_string(settings.SMS_SENDER)(phone, text)
        except NotSent as reason:
            logger.error("sms: not sent: %s", reason)
            request: HttpRequest = self.request
            messages.error(request, _("短信没有发出去。请用密码登录，或过几分钟再试。"))
            raise ImmediateHttpResponse(redirect("account_login")) from reason


def post(phone: str, text: str) -> None:
    """Hands a message to ``SMS_URL``: ``POST {"phone": "+86…", "text": "…"}`` as JSON, with ``SMS_TOKEN`` as bearer
    token where there is one. Any status 2xx means taken. Raises NotSent."""
    headers = {"Authorization": f"Bearer {settings.SMS_TOKEN}"} if settings.SMS_TOKEN else {}
    try:
        answer = urllib3.request(
            "POST",
            settings.SMS_URL,
            json={"phone": phone, "text": text},
            headers=headers,
            timeout=PATIENCE,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise NotSent(type(error).__name__) from error
    if answer.status // 100 != 2:
        raise NotSent(f"status {answer.status}")
