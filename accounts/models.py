"""The one user model: citizens, partners and editors are the same kind of account with different rights."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. Rights come from groups (what) and from ``catalog.Membership`` (on whose items)."""

    display_name = models.CharField("姓名", max_length=80, blank=True)

    class Meta:
        verbose_name = "用户"
        verbose_name_plural = "用户"

    def get_full_name(self) -> str:
        """The name shown to other people; never empty."""
        return self.display_name or super().get_full_name() or self.username
