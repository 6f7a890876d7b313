"""内容审核: what stands between a submission and the public.

Wagtail's group task would name every waiting course to every reviewer. These steps know whose courses they are: the
first is looked at in the institution or in the nearest above that has reviewers, the second (where the rules of
``ReviewRules`` ask for it) in the topmost one. Central editors review everything, and nobody the own submission.
"""

from typing import Any

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.functions import Cast
from wagtail.admin.mail import GroupApprovalTaskStateSubmissionEmailNotifier
from wagtail.models import AbstractGroupApprovalTask, TaskState

from catalog import policy
from catalog.models import Course, Institution
from cms import deadlines


class ReturnForm(forms.Form):
    """A course comes back with a reason, or its editor can only guess."""

    comment = forms.CharField(
        label="退回的原因",
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "请写明为什么退回、要改什么。"},
    )


class ReviewTask(AbstractGroupApprovalTask):
    """One look by a second person. ``groups`` are those whose members may be reviewers at all."""

    second = models.BooleanField("省级复核", default=False, help_text="The second look, at the topmost institution.")

    class Meta:
        verbose_name = "审核"
        verbose_name_plural = "审核"

    @classmethod
    def get_description(cls) -> str:
        return "由审核员或编辑中心的另一个人通过或退回"

    def start(self, workflow_state: Any, user: Any = None) -> TaskState:
        """Passes over the second look where the rules ask for none, or where the one who approved would give it."""
        course = workflow_state.content_object
        if not self.second or (
            isinstance(course, Course)
            and policy.needs_second(course)
            and not (user is not None and policy.reviews_at_top(user, course.institution))
        ):
            return super().start(workflow_state, user=user)
        return TaskState.objects.create(
            workflow_state=workflow_state,
            task=self.task_ptr,
            status=TaskState.STATUS_SKIPPED,
            revision=course.get_latest_revision(),
        )

    def reviews(self, obj: Model, user: Any) -> bool:
        """Whether this person may decide on this object, who submitted it left aside."""
        if not (user.is_superuser or self._user_in_groups(user)):
            return False
        if self.second and isinstance(obj, Course):
            return policy.reviews_at_top(user, obj.institution)
        return policy.may(user, "review", obj)

    def user_can_access_editor(self, obj: Model, user: Any) -> bool:
        return self.reviews(obj, user)

    def locked_for_user(self, obj: Model, user: Any) -> bool:
        return not self.reviews(obj, user)

    def user_can_lock(self, obj: Model, user: Any) -> bool:
        return self.reviews(obj, user)

    def get_form_for_action(self, action: str) -> type[forms.Form]:
        return ReturnForm if action == "reject" else super().get_form_for_action(action)

    def get_actions(self, obj: Any, user: Any) -> list[tuple[str, str, bool]]:
        state = obj.current_workflow_state
        own = state is not None and state.requested_by_id == user.pk
        if own or not self.reviews(obj, user):
            return []
        actions = [("reject", "退回修改", True), ("approve", "通过", False), ("approve", "通过并附意见", True)]
        lacks = isinstance(obj, Course) and obj.get_latest_revision_as_object().missing()
        return actions[:1] if lacks else actions

    def get_task_states_user_can_moderate(self, user: Any, **kwargs: Any) -> QuerySet[TaskState]:
        waiting = self.task_states.filter(status=TaskState.STATUS_IN_PROGRESS)
        waiting = waiting.exclude(workflow_state__requested_by=user)
        if policy.is_central(user):
            return waiting
        if not self._user_in_groups(user):
            return waiting.none()
        waiting = waiting.filter(workflow_state__base_content_type=ContentType.objects.get_for_model(Course))
        if self.second:
            tops = user.memberships.filter(role=policy.Role.REVIEWER, institution__depth=1)
            return waiting.filter(_of(Institution.objects.filter(_below(tops))))
        late = Q(started_at__lt=deadlines.late_before())
        own = policy.institutions_of(user, policy.roles_for(Course, "review"))
        return waiting.filter(_of(policy.area_of(user)) | (late & _of(own)))


def _below(memberships: Any) -> Q:
    """Institutions in the trees of ``memberships``; nothing where there are none."""
    within = Q(pk__in=[])
    for path in memberships.values_list("institution__path", flat=True):
        within |= Q(path__startswith=path)
    return within


def _of(institutions: QuerySet[Institution]) -> Q:
    courses = Course.objects.filter(institution__in=institutions.order_by().values("pk"))
    return Q(workflow_state__object_id__in=courses.order_by().annotate(key=Cast("pk", CharField())).values("key"))


def waited_for(task_state: TaskState) -> QuerySet:
    """The people whose decision on this step is waited for."""
    task, state = task_state.task.specific, task_state.workflow_state
    item, submitter = state.content_object, state.requested_by_id or 0
    if not isinstance(item, Course):
        return policy.centre(without=submitter)
    return policy.reviewers_of(item, without=submitter, top=task.second)


class ReviewNotifier(GroupApprovalTaskStateSubmissionEmailNotifier):
    """Tells those whose review of this object is waited for, and nobody else. Connected under the name of Wagtail's own
    notifier, in its place."""

    def get_recipient_users(self, task_state: TaskState, **kwargs: Any) -> Any:
        users = super().get_recipient_users(task_state, **kwargs)
        if not isinstance(task_state.task.specific, ReviewTask):
            return users
        return waited_for(task_state)
