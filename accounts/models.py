"""The one user model: citizens, partners and editors are the same kind of account with different rights."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction

from accounts.signals import person_goes


class User(AbstractUser):
    """A person. Rights come from groups (what) and from ``catalog.Membership`` (on whose items)."""

    has_parted = False
    """Whether ``accounts.leaving`` has settled what lies under this account."""

    display_name = models.CharField("姓名", max_length=80, blank=True)
    phone = models.CharField("手机号", max_length=16, unique=True, null=True, blank=True, editable=False)
    phone_confirmed = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = "用户"
        verbose_name_plural = "用户"

    as_read: dict[str, Any]

    @classmethod
    def from_db(cls, *given: Any, **more: Any) -> "User":
        """Keeps how the row stood, for the log of deeds."""
        person = super().from_db(*given, **more)
        person.as_read = {name: value for name, value in vars(person).items() if not name.startswith("_")}
        return person

    def delete(self, *given: Any, **more: Any) -> tuple[int, dict[str, int]]:
        """What hangs on the account by CASCADE and is to stay is handed over before Django gathers it."""
        with transaction.atomic():
            person_goes.send(sender=User, instance=self)
            return super().delete(*given, **more)

    def get_full_name(self) -> str:
        """The name shown to other people; never empty."""
        return self.display_name or super().get_full_name() or self.username


class DeviceLink(models.Model):
    """A device without a keyboard that asks to be signed in, as RFC 8628 has it: it shows ``user_code``, somebody who
    is signed in elsewhere answers, and the device, which alone knows the secret behind ``secret_hash``, fetches the
    answer once. ``then``: the address it goes on with."""

    user_code = models.CharField(max_length=8, unique=True)
    secret_hash = models.CharField(max_length=64)
    device = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    refused = models.BooleanField(default=False)
    then = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.device} {self.created_at:%H:%M}"
