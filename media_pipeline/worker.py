"""The process that works: light tasks, media jobs and sweeping side by side; nothing light waits behind an encode.

With the database as the queue, threads of this process run the loop of ``django-tasks-db``, one a queue (``MEDIA_JOBS``
of them for media). With a broker, one Celery worker a queue. In both, told to stop, running jobs hand themselves back.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker as DatabaseLoop
from django_tasks_db.models import DBTaskResult

from media_pipeline import jobs, leases, periodic
from media_pipeline.celery_backend import app
from media_pipeline.models import Worker

logger = logging.getLogger(__name__)

STOP_SECONDS = 8.0  # for running work to hand itself back; what is left then is handed back for it
TASK_ATTEMPTS = 3
SEEN_SECONDS = 10  # how often a worker tells that it lives


def run(queues: Sequence[str]) -> None:
    """Work until told to stop (SIGTERM, SIGINT)."""
    if settings.TASKS_URL and len(queues) > 1:
        _run_one_process_each(queues)
        return
    jobs.hands = settings.MEDIA_JOBS if "media" in queues else 0
    threading.Thread(target=_sweep, name="sweeper", daemon=True).start()
    threading.Thread(target=_tell, args=(queues,), name="alive", daemon=True).start()
    try:
        if settings.TASKS_URL:
            _run_celery(queues[0])
        else:
            _run_database_loops(queues)
    finally:
        with suppress(Error):
            Worker.objects.filter(name=leases.process_name()).delete()


def _sweep() -> None:
    while not jobs.stopping.wait(0.5):
        periodic.do_what_is_due()
    connection.close()


def _tell(queues: Sequence[str]) -> None:
    """Say from time to time that this process lives: it may be idle, and then no job says so."""
    said = {"queues": ", ".join(queues), "started_at": timezone.now(), "seen_at": Now()}
    while True:
        with suppress(Error):  # the database is away
            Worker.objects.update_or_create(name=leases.process_name(), defaults=said)
        close_old_connections()
        if jobs.stopping.wait(SEEN_SECONDS):
            break
    connection.close()


def _run_database_loops(queues: Sequence[str]) -> None:
    loops = [_loop(queue, n) for queue in queues for n in range(_threads(queue))]
    threads = [threading.Thread(target=_live, args=(loop,), name=loop.worker_id, daemon=True) for loop in loops]
    told = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if told.is_set():
            raise SystemExit(1)  # asked twice: leave at once, the leases take care of the rest
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for thread in threads:
        thread.start()
    while not told.wait(1.0):
        continue
    jobs.stopping.set()
    for loop in loops:
        loop.running = False
    patience = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, patience - time.monotonic()))
    jobs.hand_back_all()


def _threads(queue: str) -> int:
    return settings.MEDIA_JOBS if queue == "media" else 1


def _loop(queue: str, number: int) -> DatabaseLoop:
    return DatabaseLoop(
        queue_names=[queue],
        excluded_queue_names=[],
        interval=1.0,
        batch=False,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=f"{socket.gethostname()[:30]}:{os.getpid()}:{queue[:12]}:{number}",
    )


def _live(loop: DatabaseLoop) -> None:
    """Run a loop, and run it again when the database was away."""
    while loop.running:
        try:
            loop.run()
        except Error:
            logger.exception("%s", loop.worker_id)
            connection.close()
            jobs.stopping.wait(3.0)
    connection.close()


@periodic.every(seconds=10, name="orphaned tasks")
def requeue_orphans() -> int:
    """Queue again the light tasks of workers of this machine that are dead: ``django-tasks-db`` never does."""
    moved = 0
    host = socket.gethostname()[:30]
    for row in DBTaskResult.objects.running():
        owner, _, rest = (row.worker_ids or [""])[-1].partition(":")
        pid = rest.partition(":")[0]
        if owner != host or not pid.isdigit() or _alive(int(pid)) or len(row.worker_ids) >= TASK_ATTEMPTS:
            continue
        mine = DBTaskResult.objects.running().filter(pk=row.pk, worker_ids=row.worker_ids)
        moved += mine.update(status="READY", started_at=None)
    return moved


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _run_celery(queue: str) -> None:
    worker_shutting_down.connect(lambda **kwargs: jobs.stopping.set(), weak=False)
    # Threads, because a running job must see ``stopping``; the work itself is in children of their own anyway.
    concurrency = settings.MEDIA_JOBS if queue == "media" else 2
    app.worker_main(
        [
            *("worker", "--queues", queue, "--pool", "threads", "--concurrency", str(concurrency)),
            *("--hostname", f"{queue}-{os.getpid()}@%h", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )


def _run_one_process_each(queues: Sequence[str]) -> None:
    """Start one worker a queue, pass signals on, and end when the first of them ends."""
    children = [subprocess.Popen([sys.executable, *sys.argv[:2], "--queue", queue]) for queue in queues]

    def stop(number: int, frame: FrameType | None) -> None:
        for child in children:
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    done, _ = os.waitpid(-1, 0)
    for child in children:
        if child.pid != done:
            child.terminate()
            child.wait()
