from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "课程目录"

    def ready(self) -> None:
        from catalog import bulk_job, holdings, links, receivers, telling  # noqa: F401
        from catalog.harvest import run  # noqa: F401
