"""``renew_second_factors``: after ``SECRET_KEY`` was changed, before the old one leaves ``SECRET_KEY_FALLBACKS``."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from accounts import second_factor


class Command(BaseCommand):
    help = "Write all second factors anew with the present SECRET_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = second_factor.renew()
        except InvalidToken as error:
            raise CommandError(
                "有的第二步验证是用另一个密钥写的。请把旧的 SECRET_KEY 写进 SECRET_KEY_FALLBACKS，再运行一次。"
            ) from error
        self.stdout.write(self.style.SUCCESS(f"已用现在的密钥重写 {count} 个第二步验证。"))
