from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "用户"

    def ready(self) -> None:
        from accounts import deeds, holdings, leaving, second_factor  # noqa: F401
