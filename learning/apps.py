from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"
    verbose_name = "学习"

    def ready(self) -> None:
        from learning import holdings, plays, receivers, shelf  # noqa: F401
