"""Workers without the seconds that a Python process takes to start: ``python -m tests.bench.nursery`` reads a line of
JSON, ``{"log", "code"}``, forks a process that writes into the log, and prints its number. It runs the code, or without
any is a worker. The log of code that came to its end has ``DONE`` as its last line."""

import json
import os
import signal
import sys
import traceback

import django
from django.core.management import call_command

QUEUE, DONE = "media", "done"


def work(log: str, code: str) -> None:
    """What ``manage.py run_worker`` or ``manage.py shell -c`` does, in a process group of its own; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    status = 1
    try:
        if code:
            exec(code, {})
            sys.stdout.write(f"{DONE}\n")
            sys.stdout.flush()
        else:
            call_command("run_worker", queue=QUEUE)
        status = 0
    except Exception:  # noqa: BLE001  (whatever it was, the one who asked reads it)
        traceback.print_exc()
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
            work(**json.loads(line))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
