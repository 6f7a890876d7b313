"""The one reminder that goes out when the time for a review is over."""

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone
from wagtail.models import TaskState

from catalog.models import Course
from cms import deadlines
from cms.models import Reminder
from cms.review import ReviewTask, waited_for

BATCH = 100


def remind() -> int:
    """Mails to those whose decision is late, once for each step; the number of steps. Two workers at once send one."""
    tasks = ReviewTask.objects.values("pk")
    late = TaskState.objects.filter(
        status=TaskState.STATUS_IN_PROGRESS, task__in=tasks, started_at__lt=deadlines.late_before()
    )
    sent = 0
    for state in late.filter(reminder=None).select_related("workflow_state")[:BATCH]:
        _, new = Reminder.objects.get_or_create(task_state=state)
        if new:
            sent += 1
            for person in waited_for(state).exclude(email=""):
                send_mail(*_mail(state), None, [person.email], fail_silently=True)
    return sent


def _mail(state: TaskState) -> tuple[str, str]:
    item = state.workflow_state.content_object
    name = "courses:edit" if isinstance(item, Course) else "wagtailadmin_pages:edit"
    since = timezone.localtime(state.started_at)
    title = state.revision.object_str
    return (
        f"审核逾期：《{title}》",
        f"《{title}》从 {since:%Y-%m-%d %H:%M} 起等待审核，已经超过期限。\n\n"
        f"请打开下面的地址，通过或退回：\n{settings.PUBLIC_URL}{reverse(name, args=[item.pk])}\n",
    )
