"""gunicorn for every set-up: threads for waiting, processes for cores. The address is given on the command line."""

import gc
import os
import shutil
import tempfile

worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 10
keepalive = 65  # longer than nginx keeps an idle connection to us
max_requests = 20_000
max_requests_jitter = 2_000
# An address of any length is Django's to answer, in the reader's language; searching cuts the question, and gunicorn
# itself ends a line at 1 MiB. With its default of 4 KiB, a pasted paragraph met a bare English 400.
limit_request_line = 0
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 (heartbeat files, never on a slow disk)

_metrics = tempfile.mkdtemp(prefix="wenlan-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics


def post_worker_init(worker):
    """What is loaded stays: looking for garbage in it, and after every 700 new objects, was a tenth of a search."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def child_exit(server, worker):
    """A gone process's gauges must not be counted for ever."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    shutil.rmtree(_metrics, ignore_errors=True)
