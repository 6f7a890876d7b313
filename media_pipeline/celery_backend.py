"""The ``django_tasks`` door to Celery: enqueue only, because every truth stands in the database."""

from typing import Any

from celery import Celery
from celery import Task as CeleryTask
from django.conf import settings
from django.utils.module_loading import import_string
from django_tasks import TaskResult, TaskResultStatus
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task
from django_tasks.utils import get_random_id

from accounts import trail

MEDIA = "media"
BELL_SECONDS = 60.0
"""A bell for media that nobody hears is rung again by the sweeper; until a worker comes, they must not pile up in
RabbitMQ, which drops them by its own clock. Redis keeps them."""

app = Celery("wenlan", broker=settings.TASKS_URL)
app.conf.update(
    task_acks_late=False,  # a message is only a bell: once heard it is done with
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": 5, "confirm_publish": True},
    worker_hijack_root_logger=False,
)


@app.task(name="wenlan.run", bind=True)
def run(self: CeleryTask, path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Call a function that is a django_tasks Task, and nothing else, by its path, under the number of the request that
    asked for it."""
    task = import_string(path)
    if not isinstance(task, Task):
        raise TypeError(f"{path} is not a task")
    with trail.followed((self.request.headers or {}).get(trail.HEADER, "")), trail.span(f"task {path}"):
        task.call(*args, **kwargs)


class CeleryBackend(BaseTaskBackend):
    supports_async_task = True
    supports_defer = True
    supports_priority = True  # taken, and left to the order of arrival: a queue of bells needs no other

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        self.validate_task(task)
        state = dict.fromkeys(("enqueued_at", "started_at", "finished_at", "last_attempted_at"))
        result: TaskResult = TaskResult(
            task=task,
            id=get_random_id(),
            status=TaskResultStatus.READY,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
            **state,
        )
        run.apply_async(
            (task.module_path, result.args, result.kwargs),
            task_id=result.id,
            queue=task.queue_name,
            eta=task.run_after,
            expiration=BELL_SECONDS if task.queue_name == MEDIA else None,
            headers={trail.HEADER: trail.current()},
        )
        return result
