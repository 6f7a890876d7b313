from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CmsConfig(AppConfig):
    name = "cms"
    verbose_name = "文澜编辑台"

    def ready(self) -> None:
        from cms import auditing, holdings, import_job, inline, receivers, retention  # noqa: F401

        receivers.connect()
        inline.take_over()
        post_migrate.connect(receivers.set_up, sender=self, dispatch_uid="cms_set_up")
