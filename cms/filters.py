"""What the long lists of the desk are narrowed by. Whatever a filter leaves can be selected and changed as a whole."""

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet

from catalog import policy
from catalog.models import Course, Licence, Theme
from catalog.quality import ASSET_PROBLEMS, PROBLEMS, with_problem
from cms.scoping import ScopedFilterSet
from media_pipeline.models import MediaAsset


def _choices(problems: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, label) for name, (label, _narrow) in problems.items()]


class CourseFilterSet(ScopedFilterSet):
    problem = django_filters.ChoiceFilter(label="需要处理", choices=_choices(PROBLEMS), method="with_problem")
    theme = django_filters.ModelChoiceFilter(label="主题", queryset=Theme.objects.order_by("path"), method="under")
    place = django_filters.CharFilter(label="地方（名称或代码）", method="in_place")
    teacher = django_filters.CharFilter(label="教师", method="taught_by")
    licence = django_filters.ChoiceFilter(label="许可", choices=Licence.choices)

    class Meta:
        model = Course
        fields = ["problem", "kind", "institution", "live", "theme", "place", "teacher", "source", "level", "licence"]

    def with_problem(self, courses: QuerySet[Course], field: str, problem: str) -> QuerySet[Course]:
        user = self.request.user
        own, assets = policy.scope(Course.objects.order_by(), user), policy.scope(MediaAsset.objects.order_by(), user)
        found = with_problem(courses, problem, own, assets)
        # twins stand beside each other, unless another order was asked for
        return found.order_by("sort_key", "pk") if problem == "same-title" and "ordering" not in self.data else found

    def under(self, courses: Any, field: str, theme: Theme) -> QuerySet[Course]:
        return courses.under(theme)

    def in_place(self, courses: QuerySet[Course], field: str, text: str) -> QuerySet[Course]:
        """In a division and below: by its code, or by the beginning of its name."""
        links = Course.places.through.objects.filter(course=OuterRef("pk"))
        within = {"place__code__startswith": text} if text.isdigit() else {"place__name__startswith": text}
        return courses.filter(Exists(links.filter(**within)))

    def taught_by(self, courses: QuerySet[Course], field: str, text: str) -> QuerySet[Course]:
        links = Course.teachers.through.objects.filter(course=OuterRef("pk"), teacher__name__icontains=text)
        return courses.filter(Exists(links))


class AssetFilterSet(ScopedFilterSet):
    problem = django_filters.ChoiceFilter(label="需要处理", choices=_choices(ASSET_PROBLEMS), method="with_problem")

    class Meta:
        model = MediaAsset
        fields = ["problem", "state", "media_type"]

    def with_problem(self, assets: QuerySet[MediaAsset], field: str, problem: str) -> QuerySet[MediaAsset]:
        own = policy.scope(MediaAsset.objects.order_by(), self.request.user)
        # only among the person's own files is one the second of its kind
        found = assets.filter(pk__in=ASSET_PROBLEMS[problem][1](own).values("pk"))
        return found.order_by("sha256", "pk") if problem == "same-file" and "ordering" not in self.data else found
