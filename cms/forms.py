"""Forms of the desk: what can be chosen is what the person may see; what is wrong is said where it is wrong."""

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from treebeard.mp_tree import MP_Node
from wagtail.admin.forms.auth import LoginForm
from wagtail.admin.forms.models import WagtailAdminModelForm

from catalog import policy
from catalog.kinds import KINDS
from catalog.models import Institution, Membership, Theme
from cms.scoping import ScopedForm
from cms.widgets import LinesField
from media_pipeline.models import MediaAsset
from search import vocabulary
from search.analysis import query_tokens
from search.models import Term, as_compared
from search.query_log import TEXT_LIMIT


class DeskLoginForm(LoginForm):
    """Wagtail leaves the name of this field to Django, which has it in English only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = "密码"

    def clean(self) -> dict[str, Any]:
        """As Django does it, but counted by allauth like the sign-in of readers (``accounts.limits``)."""
        given = {name: self.cleaned_data.get(name) for name in ("username", "password")}
        if all(given.values()):
            self.user_cache = get_adapter().authenticate(self.request, **given)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class LessonForm(ScopedForm):
    """One lesson inside the course form."""


class CourseForm(ScopedForm):
    """A course with its lessons. A draft may be unfinished; what is submitted or published may not."""

    alternative_titles = LinesField(label="其他标题", help_text="俗名、旧名、方言名，一行一个；搜索也认得它们。")
    subjects = LinesField(label="关键词", help_text="一行一个。")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("institution")
        if field is not None:
            choices = list(field.queryset[:2])
            if len(choices) == 1 and not self.initial.get("institution"):
                field.initial = self.initial["institution"] = choices[0].pk

    def is_valid(self) -> bool:
        return super().is_valid() and self._lessons_fit()

    @property
    def leaves_the_desk(self) -> bool:
        """Whether this saving hands the course on: to review, or to the public."""
        approves = "action-workflow-action" in self.data and self.data.get("workflow-action-name") == "approve"
        restarts = "action-restart-workflow" in self.data
        return approves or restarts or "action-submit" in self.data or "action-publish" in self.data

    def _lessons_fit(self) -> bool:
        kept = [form for form in self.formsets["lessons"].forms if self._counts(form)]
        rules = KINDS[self.cleaned_data["kind"]]
        if not kept and self.leaves_the_desk and not (rules.text_alone and self.cleaned_data.get("description")):
            self.add_error(None, "还没有课时：请至少添加一课，再送审或发布。")
        until = self.cleaned_data.get("licence_until")
        if until and self.leaves_the_desk and until < timezone.localdate():
            self.add_error("licence_until", f"许可已于 {until} 到期：请先更新许可期限。")
        for form in kept:
            lesson = form.instance
            if not (lesson.asset_id or self.leaves_the_desk):
                continue
            for problem in lesson.problems(self.cleaned_data["kind"]):
                form.add_error("asset" if "asset" in form.fields else None, problem)
        return not self.errors and all(not form.errors for form in kept)

    def _counts(self, form: forms.ModelForm) -> bool:
        deleted = form.cleaned_data.get("DELETE") if hasattr(form, "cleaned_data") else False
        return not deleted and (form.has_changed() or bool(form.instance.pk))


class TreeForm(WagtailAdminModelForm):
    """A node of a tree, with a choice of what it lies under."""

    parent = forms.ModelChoiceField(queryset=Institution.objects.none(), required=False, label="上级")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        model = self._meta.model
        field = self.fields["parent"]
        field.queryset = model.objects.order_by("path")
        field.label_from_instance = _indented
        field.empty_label = "（最上级）"
        if self.instance.pk:
            field.queryset = field.queryset.exclude(path__startswith=self.instance.path)
            field.initial = self.instance.get_parent()

    def save(self, commit: bool = True) -> MP_Node:
        node: MP_Node = super().save(commit=False)
        parent = self.cleaned_data["parent"]
        if not node.pk:
            parent.add_child(instance=node) if parent else type(node).add_root(instance=node)
            return node
        node.save()
        if parent != node.get_parent():
            below = "sorted-child" if node.node_order_by else "last-child"
            beside = "sorted-sibling" if node.node_order_by else "last-sibling"
            node.move(parent, below) if parent else node.move(type(node).get_first_root_node(), beside)
            node.refresh_from_db()
        return node


def _indented(node: MP_Node) -> str:
    return f"{'　' * (node.depth - 1)}{node}"


class InstitutionForm(TreeForm):
    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        if self.instance.pk and code != self.initial.get("code"):
            raise ValidationError("机构代码不能更改：课程和媒体以它为归属。")
        return code


class ThemeForm(TreeForm):
    class Meta:
        model = Theme
        fields: list[str] = []


class TeacherForm(ScopedForm):
    """Names the teacher's account by its user name; only members of the institution have one to name."""

    username = forms.CharField(
        label="用户名", max_length=150, required=False, help_text="角色是“教师”的成员；此人由此看到和修改自己的课程。"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.account_id:
            self.fields["username"].initial = self.instance.account.username

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        name, self.instance.account = cleaned.get("username"), None
        if name:
            member = Membership.objects.filter(
                user__username=name, role=Membership.Role.TEACHER, institution=cleaned.get("institution")
            ).first()
            if member is None:
                self.add_error("username", f"“{name}”不是这个机构的教师成员：请核对用户名，或先发一封邀请。")
            else:
                self.instance.account = member.user
        return cleaned


class PlaceForm(WagtailAdminModelForm):
    aliases = LinesField(label="别名", help_text="旧名、俗名，一行一个。")


class MembershipForm(ScopedForm):
    """Names the person by user name: a list of all citizens would be too long. Who is not central invites instead, and
    here only changes what a member does."""

    username = forms.CharField(label="用户名", max_length=150, help_text="此人登录时用的名字。")

    class Meta:
        model = Membership
        fields = ["institution", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        houses = self.fields["institution"]
        houses.queryset = Institution.objects.order_by("path")
        houses.label_from_instance = _indented
        if self.instance.pk:
            self.fields["username"].initial = self.instance.user.username
        if self.for_user is not None and not policy.is_central(self.for_user):
            own = policy.institutions_of(self.for_user, policy.roles_for(Membership, "change"))
            houses.queryset = houses.queryset.filter(pk__in=own.values("pk"))
            self.fields["username"].disabled = True

    def clean_username(self) -> str:
        name = self.cleaned_data["username"]
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise ValidationError(f"没有叫“{name}”的用户：请核对用户名，或发一封邀请。")
        self.instance.user = user
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        institution = cleaned.get("institution")
        if institution is None:
            return cleaned
        if self.instance.user_id:
            other = Membership.objects.filter(user=self.instance.user, institution=institution)
            if other.exclude(pk=self.instance.pk).exists():
                self.add_error("institution", "此人已是这个机构的成员：请直接修改原有的角色。")
        if cleaned.get("role") not in policy.roles_to_give(self.for_user, institution):
            self.add_error("role", f"您不能在“{institution}”给出这个角色：请选别的角色，或请该机构的审核员决定。")
        return cleaned


class TermForm(WagtailAdminModelForm):
    """A word with what it is called otherwise and how it is read."""

    same = LinesField(label="同义词", help_text="还叫什么，一行一个；搜其中任何一个，都找得到其余的。")
    spelling = forms.CharField(
        label="读音",
        max_length=200,
        required=False,
        help_text="只在电脑读错时写，一个字一个音节，如“ya tong”；声调可写可不写。",
    )

    def clean_word(self) -> str:
        word = " ".join(self.cleaned_data["word"].split())
        key = as_compared(word)
        if not search_words(word):
            raise ValidationError("这里没有字：请写一个词。")
        other = Term.objects.filter(key=key).exclude(pk=self.instance.pk).first()
        if other is not None:
            raise ValidationError(f"已有词条“{other}”：请在那里补充。")
        return word

    def clean_same(self) -> list[str]:
        return _lines(self.cleaned_data["same"], 40)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        word, spelling = cleaned.get("word", ""), cleaned.get("spelling", "")
        if word and spelling:
            try:
                cleaned["spelling"] = " ".join(vocabulary.syllables(word, spelling))
            except ValidationError as error:
                self.add_error("spelling", error)
        if word and len(as_compared(word)) == 1 and not (cleaned.get("same") or spelling):
            self.add_error("same", "一个字的词不用来断词：请写出它的同义词。")
        return cleaned


def search_words(text: str) -> tuple[str, ...]:
    """What a search would look for; nothing when there are only signs."""
    return query_tokens(text)[0]


def _lines(lines: list[str], longest: int) -> list[str]:
    """Lines that can be searched for, each once."""
    for line in lines:
        if not search_words(line):
            raise ValidationError(f"“{line}”里没有字：请改写或去掉这一行。")
        if len(line) > longest:
            raise ValidationError(f"“{line[:20]}…”超过 {longest} 个字：请写短一些，一行一个。")
    return list({as_compared(line): line for line in reversed(lines)}.values())[::-1]


class RuleForm(ScopedForm):
    """Queries, and the courses on top and out of sight for them."""

    queries = LinesField(
        label="查询",
        required=True,
        help_text="一行一个；繁体简体、大小写、有没有空格都一样，其他写法请另写一行。",
        error_messages={"required": "请至少写一个查询。"},
    )

    def clean_queries(self) -> list[str]:
        return _lines(self.cleaned_data["queries"], TEXT_LIMIT)

    def is_valid(self) -> bool:
        return super().is_valid() and self._decides()

    def _decides(self) -> bool:
        """Whether the rule does something, and not one thing and its contrary."""
        kept = [form.cleaned_data for form in self.formsets["pins"].forms if form.cleaned_data.get("course")]
        pinned = {data["course"] for data in kept if not data.get("DELETE")}
        hidden = set(self.cleaned_data["hidden"])
        if not pinned and not hidden:
            self.add_error(None, "还没有课程：请选择要置顶或不出现的课程。")
        for course in sorted(pinned & hidden, key=str):
            self.add_error("hidden", f"“{course}”又置顶又不出现：请去掉其中一处。")
        return not self.errors


class CaptionsForm(forms.Form):
    """A caption file for one asset."""

    file = forms.FileField(label="字幕文件", help_text="SRT、VTT 或 ASS，不超过 2 MB。")
    kind = forms.ChoiceField(
        label="用途", choices=[("captions", "字幕"), ("chapters", "章节"), ("transcript", "文稿")], initial="captions"
    )
    language = forms.ChoiceField(
        label="语言",
        choices=[("zh-Hans", "简体中文"), ("zh-Hant", "繁體中文"), ("en", "English")],
        initial="zh-Hans",
    )

    def clean_file(self) -> bytes:
        file = self.cleaned_data["file"]
        if file.size > 2 * 1024**2:
            raise ValidationError(f"“{file.name}”有 {file.size / 1024**2:.1f} MB，超过 2 MB：请确认这是字幕文件。")
        data: bytes = file.read()
        return data


class TrackForm(forms.Form):
    """The lines of a track as WebVTT, which a person can correct."""

    text = forms.CharField(
        label="文字",
        max_length=4_000_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "wl-track"}),
        help_text="每条先写时间（00:00:01.000 --> 00:00:03.000），下一行写文字，条与条之间空一行。",
    )


class PosterForm(forms.Form):
    seconds = forms.FloatField(min_value=0, required=False)


class AssetForm(WagtailAdminModelForm):
    """The name of an asset; the file itself is never altered."""

    class Meta:
        model = MediaAsset
        fields = ["title"]
