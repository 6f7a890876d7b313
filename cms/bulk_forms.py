"""The form of a bulk change: every row begins with 不变, and only what is chosen is asked for."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone
from wagtail.admin.widgets import AdminDateInput

from catalog import policy
from catalog.bulk import LISTS, NAMES, PUBLISH, SCALARS, WITHDRAW, Asked
from catalog.models import Course, Level, Licence, Place, Source, Teacher, Theme
from cms.widgets import Picker

KEEP = ("", "不变")
EMPTY = "-"
HOW = [KEEP, ("add", "添加"), ("remove", "移除"), ("set", "改为")]
LANGUAGE = RegexValidator(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "语言代码写法如 zh-Hans、zh-Hant、en（BCP 47）。")


def _how() -> forms.ChoiceField:
    return forms.ChoiceField(choices=HOW, required=False, label="怎样修改")


class BulkForm(forms.Form):
    themes_how = _how()
    themes = forms.ModelMultipleChoiceField(
        Theme.objects.order_by("path"),
        required=False,
        label=NAMES["themes"],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "wl-themes"}),
    )
    places_how = _how()
    places = forms.ModelMultipleChoiceField(
        Place.objects.all(), required=False, label=NAMES["places"], widget=Picker("place", "输入地名、拼音或代码")
    )
    teachers_how = _how()
    teachers = forms.ModelMultipleChoiceField(
        Teacher.objects.none(), required=False, label=NAMES["teachers"], widget=Picker("teacher", "输入教师姓名")
    )
    licence = forms.ChoiceField(choices=[KEEP, *Licence.choices], required=False, label=NAMES["licence"])
    licence_until_how = forms.ChoiceField(
        choices=[KEEP, ("set", "改为"), (EMPTY, "不限期")], required=False, label="怎样修改"
    )
    licence_until = forms.DateField(required=False, label=NAMES["licence_until"], widget=AdminDateInput)
    level = forms.ChoiceField(choices=[KEEP, *Level.choices, (EMPTY, "不分程度")], required=False, label=NAMES["level"])
    language = forms.CharField(
        required=False,
        label=NAMES["language"],
        max_length=20,
        validators=[LANGUAGE],
        widget=forms.TextInput(attrs={"placeholder": "不变；如 zh-Hans、zh-Hant、en"}),
    )
    source = forms.ChoiceField(choices=[KEEP, *Source.choices], required=False, label=NAMES["source"])
    state = forms.ChoiceField(choices=[KEEP, (PUBLISH, "发布"), (WITHDRAW, "撤回")], required=False, label="发布状态")

    def __init__(self, *args: Any, user: policy.Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["teachers"].queryset = policy.scope(Teacher.objects.all(), user)  # type: ignore[attr-defined]
        if not policy.may_somewhere(user, "publish", Course):
            del self.fields["state"]
        for name, field in self.fields.items():
            if name not in LISTS:  # those have words of their own beside each box
                of = name.removesuffix("_how")
                field.widget.attrs["aria-label"] = str(self.fields[of].label) + ("：怎样修改" if of != name else "")

    def rows(self) -> list[tuple[str, Any, Any]]:
        """What can be changed, in order: name, field, and the field that says how, where there is one."""
        names = [name for name in self.fields if not name.endswith("_how")]
        return [(name, self[name], self[f"{name}_how"] if f"{name}_how" in self.fields else None) for name in names]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in LISTS:
            how, chosen = data.get(f"{name}_how"), data.get(name)
            if how in {"add", "remove"} and not chosen:
                self.add_error(name, f"请选择要{dict(HOW)[how]}的{NAMES[name]}。")
            elif chosen and not how:
                self.add_error(name, f"请说明是添加、移除还是改为这些{NAMES[name]}。")
        until, how = data.get("licence_until"), data.get("licence_until_how")
        if how == "set" and not until:
            self.add_error("licence_until", "请填写许可到期的日期。")
        elif how == "set" and until and until < timezone.localdate():
            self.add_error("licence_until", f"{until} 已经过去，公开的课程会立刻撤下：请填写今天或以后的日期。")
        if not self.errors and not self.asked():
            self.add_error(None, "还没有选择要修改什么：请至少改一行。")
        return data

    def asked(self) -> Asked:
        """What a valid form asks for."""
        data = self.cleaned_data
        lists = {
            name: (data[f"{name}_how"], sorted(item.pk for item in data[name])) for name in LISTS if data[f"{name}_how"]
        }
        scalars = {name: data[name] for name in SCALARS if name != "licence_until" and data[name]}
        if scalars.get("level") == EMPTY:
            scalars["level"] = ""
        if data["licence_until_how"]:
            scalars["licence_until"] = data["licence_until"].isoformat() if data["licence_until_how"] == "set" else None
        return Asked(lists, scalars, data.get("state", ""))
