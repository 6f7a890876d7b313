from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "课程目录"

    def ready(self) -> None:
        from catalog import receivers  # noqa: F401
