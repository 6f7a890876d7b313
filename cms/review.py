"""内容审核: the one step between a submission and the public.

Wagtail's group task would name every waiting course to every reviewer. This one knows whose courses they are: central
editors review everything, a reviewer what belongs to the institutions of the membership, and nobody the own
submission.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Model, QuerySet
from django.db.models.functions import Cast
from wagtail.admin.mail import GroupApprovalTaskStateSubmissionEmailNotifier
from wagtail.models import AbstractGroupApprovalTask, TaskState

from catalog import policy
from catalog.models import Course


class ReviewTask(AbstractGroupApprovalTask):
    """One look by a second person. ``groups`` are those whose members may be reviewers at all."""

    class Meta:
        verbose_name = "审核"
        verbose_name_plural = "审核"

    @classmethod
    def get_description(cls) -> str:
        return "由审核员或编辑中心的另一个人通过或退回"

    def reviews(self, obj: Model, user: Any) -> bool:
        """Whether this person may decide on this object, who submitted it left aside."""
        in_group = user.is_superuser or self._user_in_groups(user)
        return in_group and policy.may(user, "publish", obj)

    def user_can_access_editor(self, obj: Model, user: Any) -> bool:
        return self.reviews(obj, user)

    def locked_for_user(self, obj: Model, user: Any) -> bool:
        return not self.reviews(obj, user)

    def user_can_lock(self, obj: Model, user: Any) -> bool:
        return self.reviews(obj, user)

    def get_actions(self, obj: Any, user: Any) -> list[tuple[str, str, bool]]:
        state = obj.current_workflow_state
        own = state is not None and state.requested_by_id == user.pk
        if own or not self.reviews(obj, user):
            return []
        return [("reject", "退回修改", True), ("approve", "通过", False), ("approve", "通过并附意见", True)]

    def get_task_states_user_can_moderate(self, user: Any, **kwargs: Any) -> QuerySet[TaskState]:
        waiting = self.task_states.filter(status=TaskState.STATUS_IN_PROGRESS)
        waiting = waiting.exclude(workflow_state__requested_by=user)
        if policy.is_central(user):
            return waiting
        if not self._user_in_groups(user):
            return waiting.none()
        own = policy.scope(Course.objects.all(), user, "publish").annotate(key=Cast("pk", CharField()))
        return waiting.filter(
            workflow_state__base_content_type=ContentType.objects.get_for_model(Course),
            workflow_state__object_id__in=own.order_by().values("key"),
        )


class ReviewNotifier(GroupApprovalTaskStateSubmissionEmailNotifier):
    """Tells those who may review this object that it waits, and nobody else. Connected under the name of Wagtail's own
    notifier, in its place."""

    def get_recipient_users(self, task_state: TaskState, **kwargs: Any) -> Any:
        task = task_state.task.specific
        users = super().get_recipient_users(task_state, **kwargs)
        if not isinstance(task, ReviewTask):
            return users
        item = task_state.workflow_state.content_object
        keys = [user.pk for user in users.distinct() if task.reviews(item, user)]
        return get_user_model().objects.filter(pk__in=keys)
