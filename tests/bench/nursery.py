"""Workers without the seconds that a Python process takes to start: ``python -m tests.bench.nursery`` reads the name of
a log file from each line of standard input, forks a worker that writes into it, and prints its process id."""

import os
import signal
import sys

import django
from django.core.management import call_command

QUEUE = "media"


def work(log: str) -> None:
    """What ``manage.py run_worker`` does, in a process group of its own; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    status = 1
    try:
        call_command("run_worker", queue=QUEUE)
        status = 0
    finally:
        os._exit(status)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from media_pipeline import pipeline, worker  # noqa: F401  (what a worker would read when it begins)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(line.strip())
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
