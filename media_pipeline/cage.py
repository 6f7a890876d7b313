"""Runs what reads untrusted bytes: child processes with limits, in a directory of their own, that die with the work.

A child gets its own process group, a minimal environment, no shell, no network, no rights of root, no child of its own
and, where the kernel has Landlock, no file but its source, its programs and its directory. It is killed with its whole
group when it exceeds a limit, shows no sign of life, or when the caller's ``report`` raises (that is how work is
cancelled).
"""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from media_pipeline.errors import Failed, Refused
from media_pipeline.product import Report

logger = logging.getLogger(__name__)

GIB = 1024**3
TICK_SECONDS = 0.25
WEIGH_SECONDS = 2  # between two looks at how much a child has written
TAIL_BYTES = 64 * 1024  # of a child's words; the last lines say what went wrong
DOOR = Path(__file__).with_name("caged") / "door.py"
PACKAGE = Path(__file__).resolve().parent
# Programs, libraries and fonts: nothing an uploader or a user of the site has written.
SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/bin", "/etc/fonts", "/etc/ld.so.cache", "/dev/urandom", "/sys/fs/cgroup")
# Where programs find their loader.
LOADERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
KERNEL_FACTS = ("/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Limits:
    """``memory_bytes`` is address space (threads and mapped files count); ``resident_bytes`` is real memory;
    ``file_bytes`` is for one file, ``total_bytes`` and ``files`` for all in the directory."""

    wall_seconds: float = 6 * 3600
    stall_seconds: float = 120
    cpu_seconds: int = 24 * 3600
    memory_bytes: int = 8 * GIB
    resident_bytes: int = 2 * GIB
    file_bytes: int = 40 * GIB
    total_bytes: int = 80 * GIB
    files: int = 20_000


READING = Limits(
    wall_seconds=900,
    stall_seconds=120,
    cpu_seconds=600,
    memory_bytes=4 * GIB,
    resident_bytes=GIB,
    file_bytes=GIB,
    total_bytes=4 * GIB,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    returncode: int
    stderr: str
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    exceeded: str = ""  # "wall", "stall", "memory" or "space" when the cage ended it


@dataclass(slots=True)
class Cage:
    """One piece of work: children run in ``directory`` and may read ``readable``; the CPU they used adds up."""

    directory: Path
    readable: tuple[Path, ...] = ()
    cpu_seconds: float = 0.0
    peak_bytes: int = 0

    def run(
        self,
        arguments: Sequence[str],
        *,
        limits: Limits,
        on_line: Callable[[str], bool] | None = None,
        processes: bool = False,
    ) -> Outcome:
        """Run a program by absolute path. ``on_line`` sees each line of its standard output and says whether it is
        a sign of life; it may raise, which ends the child. ``processes``: it may start others of the system's."""
        request = {
            "exec": list(arguments),
            "run": [arguments[0], *LOADERS, *(SYSTEM_PATHS if processes else ())],
            "processes": processes,
        }
        return self._start(request, ("-I", "-S"), limits, on_line or (lambda line: True))

    def call(self, target: str, *, limits: Limits = READING, report: Report | None = None, **arguments: Any) -> Any:
        """Call ``"package.module:function"`` in a child with JSON arguments and return its JSON result.

        Raises Refused as the function did, or when the file drove the child over a limit or to its death."""
        answers: list[dict[str, Any]] = []

        def on_line(line: str) -> bool:
            answer = json.loads(line)
            if "progress" in answer and report:
                report(*answer["progress"])
            elif "progress" not in answer:
                answers.append(answer)
            return True

        request = {"call": target, "arguments": arguments, "package": str(PACKAGE), "run": [], "processes": False}
        outcome = self._start(request, ("-I",), limits, on_line)
        refuse_exceeded(outcome)
        answer = answers[-1] if answers else {}
        if "refused" in answer:
            raise Refused(*answer["refused"])
        if "result" not in answer:
            raise _death(outcome, target)
        return answer["result"]

    def _start(
        self, work: dict[str, Any], flags: Sequence[str], limits: Limits, on_line: Callable[[str], bool]
    ) -> Outcome:
        self.directory.mkdir(parents=True, exist_ok=True)
        readable = [str(path.resolve()) for path in self.readable]
        request = {
            **work,
            "limits": asdict(limits),
            "write": str(self.directory.resolve()),
            "read": [*_program_paths(), *readable],
        }
        child = subprocess.Popen(
            [sys.executable, *flags, str(DOOR), json.dumps(request)],
            cwd=self.directory,
            env=_environment(self.directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        outcome = _Watch(child, limits, on_line, self.directory).until_end()
        self.cpu_seconds += outcome.cpu_seconds
        self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)
        _note(work, outcome)
        return outcome


def _note(work: dict[str, Any], outcome: Outcome) -> None:
    """One line a child, so that what a request cost is found beside it."""
    what = work.get("call") or Path(work["exec"][0]).name
    how = outcome.exceeded or f"exit {outcome.returncode}"
    said = "%s: %s, %.1f s, %.1f s of CPU, %d MiB"
    logger.info(said, what, how, outcome.wall_seconds, outcome.cpu_seconds, outcome.peak_bytes // 1024**2)


def refuse_exceeded(outcome: Outcome) -> None:
    """Raise when the cage had to end the child: the file asked for more than any honest file does."""
    if outcome.exceeded in ("memory", "space") or -outcome.returncode == signal.SIGXFSZ:
        raise Refused("too-large", "处理这个文件需要的内存或空间超过了上限。", "请降低分辨率、缩小或拆分后重新上传。")
    if outcome.exceeded or -outcome.returncode == signal.SIGXCPU:
        raise Refused(
            "too-slow", "处理这个文件的时间超过了上限，已经停止。", "请检查文件能否正常打开，或重新导出后再上传。"
        )


def _death(outcome: Outcome, target: str) -> Exception:
    """A reader that died by a signal was killed by the file; one that left a traceback met something unforeseen."""
    if outcome.returncode < 0:
        return Refused("damaged", "文件内容已损坏，读取程序无法继续。", "请检查文件能否正常打开，重新导出后再上传。")
    last = outcome.stderr.strip().splitlines()[-1:] or [f"exit {outcome.returncode}"]
    return Failed(
        "reader-failed", f"读取程序出错（{target}：{last[0][:200]}）。", "请稍后重试；若再次出现，请联系管理员。"
    )


@cache
def _program_paths() -> tuple[str, ...]:
    own = {sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")} | {sys.prefix, sys.base_prefix}
    return (*SYSTEM_PATHS, *KERNEL_FACTS, *sorted(own), str(PACKAGE))


def _environment(directory: Path) -> dict[str, str]:
    """Nothing of ours: no secrets, no proxies. Few malloc arenas, since each takes 64 MiB of the address space."""
    place = str(directory)
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": place, "TMPDIR": place, "MALLOC_ARENA_MAX": "2"}


class _Watch:
    """Reads a child's pipes, watches its limits, and leaves nothing of its group behind."""

    def __init__(
        self, child: subprocess.Popen, limits: Limits, on_line: Callable[[str], bool], directory: Path
    ) -> None:
        self.child, self.limits, self.on_line, self.directory = child, limits, on_line, directory
        self.started = self.alive = self.weighed = time.monotonic()
        self.stdout, self.stderr = b"", b""
        self.exceeded = ""
        self.peak = 0

    def until_end(self) -> Outcome:
        assert self.child.stdout  # noqa: S101  both were asked for
        assert self.child.stderr  # noqa: S101
        with selectors.DefaultSelector() as pipes, self.child.stdout, self.child.stderr:
            pipes.register(self.child.stdout, selectors.EVENT_READ, self._take_stdout)
            pipes.register(self.child.stderr, selectors.EVENT_READ, self._take_stderr)
            try:
                while not self.exceeded and (self._read(pipes) or not self._ended()):
                    self._check()
            finally:
                status, usage = self._reap()
        return Outcome(
            returncode=os.waitstatus_to_exitcode(status),
            stderr=self.stderr.decode("utf-8", "replace"),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            wall_seconds=time.monotonic() - self.started,
            peak_bytes=max(self.peak, usage.ru_maxrss * 1024),
            exceeded=self.exceeded,
        )

    def _read(self, pipes: selectors.BaseSelector) -> bool:
        """Whether anything came within a tick; without open pipes, wait only a moment for the end."""
        if not pipes.get_map():
            time.sleep(0.01)
            return False
        ready = pipes.select(TICK_SECONDS)
        for key, _ in ready:
            data = os.read(key.fd, 65536)
            if data:
                key.data(data)
            else:
                pipes.unregister(key.fileobj)
        return bool(ready)

    def _ended(self) -> bool:
        return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _take_stdout(self, data: bytes) -> None:
        *lines, self.stdout = (self.stdout + data).split(b"\n")
        for line in lines:
            if self.on_line(line.decode("utf-8", "replace")):
                self.alive = time.monotonic()

    def _take_stderr(self, data: bytes) -> None:
        self.stderr = (self.stderr + data)[-TAIL_BYTES:]

    def _check(self) -> None:
        now = time.monotonic()
        resident = _resident_bytes(self.child.pid)
        self.peak = max(self.peak, resident)
        if now - self.started > self.limits.wall_seconds:
            self.exceeded = "wall"
        elif now - self.alive > self.limits.stall_seconds:
            self.exceeded = "stall"
        elif resident > self.limits.resident_bytes:
            self.exceeded = "memory"
        elif now - self.weighed > WEIGH_SECONDS:
            self.weighed = now
            files, size = _written(self.directory)
            if files > self.limits.files or size > self.limits.total_bytes:
                self.exceeded = "space"

    def _reap(self) -> tuple[int, Any]:
        """Kill the group, which spares only the answer of a child that has already ended, and collect that answer."""
        self._kill_group()
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        return status, usage

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _written(directory: Path) -> tuple[int, int]:
    """Files below a directory and their bytes; what vanishes meanwhile does not count."""
    files = size = 0
    for place, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
                files += 1
    return files, size


def longer(limits: Limits, seconds: float) -> Limits:
    """The same limits with another wall clock, for work that grows with the length of a film."""
    return replace(limits, wall_seconds=seconds)
