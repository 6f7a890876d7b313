"""Forms of the sign-in."""

from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("用户名、邮箱或手机号") if settings.SMS_SENDER else _("用户名或邮箱")
        self.fields["login"].widget.attrs.pop("placeholder", None)
        self.fields["password"].widget.attrs.pop("placeholder", None)


class SignUpForm(SignupForm):
    """With a gateway of short messages a new account begins with its number; older accounts without one stay good."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"].required = True
