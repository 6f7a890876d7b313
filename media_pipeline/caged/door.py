"""The way into the cage: give up rights, set limits, then become another program or call one function.

Run as a script with one JSON argument: ``limits`` (see ``cage.Limits``), ``write`` (the directory that may be written),
``read`` (files and directories that may be read), and either ``exec`` (argument list) or ``call``
("package.module:function") with ``arguments``. A called function gets ``report(step, fraction)`` when it asks for it;
lines of JSON go to standard output: ``{"progress": [step, fraction]}``, then one of ``{"result": …}`` or
``{"refused": [code, sentence, remedy]}``.
"""

import ctypes
import importlib
import importlib.util
import inspect
import json
import os
import resource
import signal
import sys
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
# System call numbers are the same on every architecture since Linux 5.13 (unified table).
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_RULE_PATH = 1
# Bits of linux/landlock.h: execute 1, write 2, read file 4, read directory 8, then remove, make … to refer (1 << 13).
READ, EVERYTHING = 0b1101, (1 << 14) - 1
FILE_ACTIONS = 0b111


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def enter(request: dict[str, Any]) -> None:
    """Limits, no network, no files but the given ones, death with the parent. What the system lacks is left out."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    _fence(libc, request["write"], request["read"])
    limits = request["limits"]
    for name, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def _fence(libc: ctypes.CDLL, write: str, read: list[str]) -> None:
    """Landlock: the kernel refuses every path that is not named here, whatever the program is talked into opening."""
    if libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1) < 2:
        return
    ruleset = _Ruleset(EVERYTHING)
    fence = libc.syscall(LANDLOCK_CREATE, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0)
    if fence < 0:
        return
    _allow(libc, fence, write, EVERYTHING)
    _allow(libc, fence, "/dev/null", READ | 2)
    for path in read:
        _allow(libc, fence, path, READ)
    libc.syscall(LANDLOCK_RESTRICT, fence, 0)
    os.close(fence)


def _allow(libc: ctypes.CDLL, fence: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    if not os.path.isdir(path):
        rights &= FILE_ACTIONS
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = _PathRule(rights, place)
    libc.syscall(LANDLOCK_ADD, fence, LANDLOCK_RULE_PATH, ctypes.byref(rule), 0)
    os.close(place)


def _call(target: str, arguments: dict[str, Any]) -> None:
    """Answers go to a private copy of standard output, so that a chatty library cannot spoil them."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**line: Any) -> None:
        answers.write(json.dumps(line, ensure_ascii=False) + "\n")
        answers.flush()

    module_name, name = target.split(":")
    function = getattr(importlib.import_module(module_name), name)
    refused = importlib.import_module("media_pipeline.errors").Refused
    if "report" in inspect.signature(function).parameters:
        arguments = {**arguments, "report": lambda step, fraction: say(progress=[step, fraction])}
    try:
        say(result=function(**arguments))
    except refused as reason:
        say(refused=[reason.code, reason.sentence, reason.remedy])
    except MemoryError:
        say(refused=["too-large", "处理这个文件需要的内存超过了上限。", "请缩小或拆分后重新上传。"])


def _load_package(place: str) -> None:
    """Import the package by its own directory: what lies beside it stays out of sight."""
    found = importlib.util.spec_from_file_location(
        "media_pipeline", f"{place}/__init__.py", submodule_search_locations=[place]
    )
    if found is None or found.loader is None:
        raise ImportError(place)
    package = importlib.util.module_from_spec(found)
    sys.modules["media_pipeline"] = package
    found.loader.exec_module(package)


def main() -> None:
    request = json.loads(sys.argv[1])
    enter(request)
    if "exec" in request:
        os.execv(request["exec"][0], request["exec"])  # noqa: S606  the list is ours, and no shell reads it
    _load_package(request["package"])
    _call(request["call"], request["arguments"])


if __name__ == "__main__":
    main()
