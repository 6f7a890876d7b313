"""What a child may not do, and how its end is told."""

import ctypes
import errno
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from media_pipeline.cage import Cage, Limits
from media_pipeline.errors import Failed, Refused

SMALL = Limits(wall_seconds=20, stall_seconds=20, cpu_seconds=20)
PYTHON = ("-I", "-S", "-c")


def _python(cage: Cage, code: str, limits: Limits = SMALL, **more):
    return cage.run([sys.executable, *PYTHON, code], limits=limits, **more)


def _fenced() -> bool:
    """Whether this kernel has Landlock."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 2


def test_run_gives_lines_exit_code_and_cpu(tmp_path):
    lines = []
    outcome = _python(
        Cage(tmp_path), "print('a'); print('b'); raise SystemExit(3)", on_line=lambda x: not lines.append(x)
    )
    assert lines == ["a", "b"]
    assert outcome.returncode == 3
    assert outcome.cpu_seconds > 0


def test_run_adds_up_cpu_over_children(tmp_path):
    cage = Cage(tmp_path)
    first = _python(cage, "sum(range(10**6))")
    second = _python(cage, "sum(range(10**6))")
    assert cage.cpu_seconds == pytest.approx(first.cpu_seconds + second.cpu_seconds)


def test_child_sees_none_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    lines = []
    _python(Cage(tmp_path), "import os; print(sorted(os.environ))", on_line=lambda x: not lines.append(x))
    assert "SECRET_KEY" not in lines[0]


def test_child_reads_no_file_but_its_own(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("of another user")
    source = tmp_path / "source.txt"
    source.write_text("mine")
    code = "import sys; sys.exit(0 if open({!r}).read() else 1)"
    cage = Cage(tmp_path / "work", readable=(source,))
    assert _python(cage, code.format(str(source))).returncode == 0
    assert (_python(cage, code.format(str(secret))).returncode != 0) == _fenced()


def test_child_writes_only_into_its_directory(tmp_path):
    cage = Cage(tmp_path / "work")
    code = "open({!r}, 'w').write('x')"
    assert _python(cage, code.format(str(tmp_path / "work" / "inside"))).returncode == 0
    _python(cage, code.format(str(tmp_path / "outside")))
    assert (not (tmp_path / "outside").exists()) == _fenced()


def _answers(tmp_path, code: str, **more) -> list[str]:
    lines: list[str] = []
    outcome = _python(Cage(tmp_path), code, on_line=lambda line: not lines.append(line), **more)
    assert outcome.returncode == 0, outcome.stderr
    return lines


REACH = """
import socket
try:
    s = socket.socket(); s.settimeout(5); print(s.connect_ex(("127.0.0.1", {port})))
except OSError as refused:
    print(refused.errno)
"""


@pytest.mark.parametrize("processes", [False, True])
def test_child_has_no_network(tmp_path, processes):
    with socket.create_server(("127.0.0.1", 0)) as open_door:
        code = REACH.format(port=open_door.getsockname()[1])
        assert _answers(tmp_path, code, processes=processes) == [str(errno.EPERM)]


def test_child_starts_no_other_process(tmp_path):
    code = "import os\ntry: print(os.fork())\nexcept PermissionError: print('refused')"
    assert _answers(tmp_path, code) == ["refused"]


def test_child_starts_threads(tmp_path):
    code = "import threading as t; x = t.Thread(target=print, args=('from a thread',)); x.start(); x.join()"
    assert _answers(tmp_path, code) == ["from a thread"]


def test_child_keeps_no_right_of_root(tmp_path):
    code = "print([line.split()[1] for line in open('/proc/self/status') if line[:6] in ('CapPrm', 'CapBnd')])"
    reading = "0000000000000004"  # CAP_DAC_READ_SEARCH, which Landlock confines
    held = reading if os.geteuid() == 0 and _fenced() else "0" * 16
    assert _answers(tmp_path, code) == [str([held, held])]


@pytest.mark.parametrize(
    "call",
    [
        "ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)",
        "os.kill(os.getppid(), 0)",
        "ctypes.CDLL(None, use_errno=True).unshare(0x10000000)",
        "ctypes.CDLL(None, use_errno=True).mount(b'none', b'/mnt', b'tmpfs', 0, None)",
        "os.mknod('device', 0o600 | 0o060000, 0x100)",
    ],
)
def test_child_is_refused_what_no_reader_needs(tmp_path, call):
    code = f"import ctypes, os\ntry: done = {call} != -1\nexcept PermissionError: done = False\nprint(done)"
    assert _answers(tmp_path, code) == ["False"]


def test_child_runs_no_program_it_brought_along(tmp_path):
    code = (
        "import os\nopen('tool', 'w').write('#!/bin/sh\\necho out'); os.chmod('tool', 0o755)\n"
        "try: os.execv('./tool', ['./tool'])\nexcept PermissionError: print('refused')"
    )
    if _fenced():
        assert _answers(tmp_path, code) == ["refused"]


def test_child_may_abort_and_is_told_by_its_signal(tmp_path):
    assert _python(Cage(tmp_path), "import os; os.abort()").returncode == -signal.SIGABRT


def test_child_holds_few_open_files(tmp_path):
    code = "x = []\ntry:\n    while True: x.append(open('/dev/null'))\nexcept OSError: print(len(x) < 256)"
    assert _answers(tmp_path, code) == ["True"]


def test_space_limit_ends_a_child_that_writes_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("media_pipeline.cage.WEIGH_SECONDS", 0)
    code = "import time\nfor n in range(200): open(f'f{n}', 'w').close()\ntime.sleep(600)"
    assert _python(Cage(tmp_path), code, replace(SMALL, files=100)).exceeded == "space"


def test_wall_limit_ends_the_child(tmp_path):
    assert _python(Cage(tmp_path), "import time; time.sleep(600)", Limits(wall_seconds=0.5)).exceeded == "wall"


def test_stall_limit_ends_a_child_that_says_nothing_new(tmp_path):
    code = "import time\nwhile True: print('same', flush=True); time.sleep(0.05)"
    limits = Limits(wall_seconds=60, stall_seconds=0.5)
    assert _python(Cage(tmp_path), code, limits, on_line=lambda line: False).exceeded == "stall"


def test_memory_limit_ends_the_child(tmp_path):
    limits = Limits(wall_seconds=20, resident_bytes=60 * 1024**2)
    assert (
        _python(Cage(tmp_path), "x = bytearray(300_000_000)\nimport time; time.sleep(30)", limits).exceeded == "memory"
    )


def test_address_space_limit_fails_the_allocation(tmp_path):
    limits = Limits(wall_seconds=20, memory_bytes=400 * 1024**2)
    outcome = _python(Cage(tmp_path), "bytearray(1_000_000_000)", limits)
    assert "MemoryError" in outcome.stderr


def test_file_limit_ends_the_child(tmp_path):
    limits = Limits(wall_seconds=20, file_bytes=10_000)
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('big', 'wb').write(bytes(100_000))"
    assert _python(Cage(tmp_path), code, limits).returncode != 0
    assert (tmp_path / "big").stat().st_size <= 10_000


def test_cancelling_kills_the_whole_group(tmp_path):
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    seen = []

    class Cancelled(Exception):
        pass

    def stop(line: str) -> bool:
        seen.append(int(line))
        raise Cancelled

    with pytest.raises(Cancelled):
        _python(Cage(tmp_path), code, on_line=stop, processes=True)
    assert _gone(seen[0])


def _gone(pid: int) -> bool:
    """Ended, whether or not its new parent has collected it yet."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def test_call_refuses_when_the_reader_refuses(tmp_path):
    broken = tmp_path / "x.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(Refused) as refused:
        Cage(tmp_path / "w", (broken,)).call("media_pipeline.caged.picture:inspect", source=str(broken), name="画.jpg")
    assert refused.value.code == "damaged"
    assert "画.jpg" in refused.value.sentence


def test_call_of_something_missing_is_our_failure(tmp_path):
    with pytest.raises(Failed):
        Cage(tmp_path).call("media_pipeline.caged.picture:nothing")


def test_parent_keeps_its_own_rights(tmp_path):
    _python(Cage(tmp_path), "pass")
    assert os.listdir("/")
