"""The way into the cage: give up rights, set limits, then become another program or call one function.

Run as a script with one JSON argument: ``limits`` (see ``cage.Limits``), ``write`` (the directory that may be written),
``read`` and ``run`` (files and directories that may be read, and executed), ``processes`` (whether it may start other
processes), and either ``exec`` (argument list) or ``call`` ("package.module:function") with ``arguments``. A called
function gets ``report(step, fraction)`` when it asks for it; lines of JSON go to standard output:
``{"progress": [step, fraction]}``, then one of ``{"result": …}`` or ``{"refused": [code, sentence, remedy]}``.
"""

import ctypes
import errno
import importlib
import importlib.util
import inspect
import json
import os
import platform
import resource
import signal
import struct
import sys
from typing import Any

CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
OPEN_FILES = 256
# System call numbers are the same on every architecture since Linux 5.13 (unified table).
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_RULE_PATH = 1
# Bits of linux/landlock.h: execute 1, write 2, read file 4, read directory 8, then remove, make … to refer (1 << 13),
# truncate and control of devices from versions 3 and 5 on.
EXECUTE, READ, WRITE = 0b0001, 0b1100, 0b10
FILE_ACTIONS = 0b111 | 1 << 14
RIGHTS = {2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
NET_RIGHTS, SCOPES = 0b11, 0b11  # TCP bind and connect from version 4; abstract sockets and signals from version 6
CAP_DAC_READ_SEARCH = 2


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _Program(ctypes.Structure):
    """A filter of system calls: ``struct sock_fprog``."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def enter(request: dict[str, Any]) -> None:
    """Limits, no network, no files but the given ones, no rights, death with the parent. What the system lacks is left
    out."""
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.geteuid() == 0
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC)
    fenced = _fence(libc, request)
    limits = request["limits"]
    for name, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))
    # The signal of the soft limit tells the cause; the hard one would kill without a word.
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"] + 5))
    # A fenced root may still read the one source whose mode says otherwise.
    _drop_capabilities(libc, 1 << CAP_DAC_READ_SEARCH if root and fenced else 0)
    _filter_calls(libc, request["processes"])


# Files


def _fence(libc: ctypes.CDLL, request: dict[str, Any]) -> bool:
    """Landlock: the kernel refuses every path that is not named here, whatever the program is talked into opening."""
    version = libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 2:
        return False
    everything = RIGHTS[max(known for known in RIGHTS if known <= version)]
    ruleset = _Ruleset(everything, NET_RIGHTS if version >= 4 else 0, SCOPES if version >= 6 else 0)
    fence = libc.syscall(LANDLOCK_CREATE, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0)
    if fence < 0:
        return False
    _allow(libc, fence, request["write"], everything & ~EXECUTE)
    _allow(libc, fence, "/dev/null", READ | WRITE)
    for path in request["read"]:
        _allow(libc, fence, path, READ)
    for path in request["run"]:
        _allow(libc, fence, path, READ | EXECUTE)
    restricted = libc.syscall(LANDLOCK_RESTRICT, fence, 0)
    os.close(fence)
    return restricted == 0


def _allow(libc: ctypes.CDLL, fence: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    if not os.path.isdir(path):
        rights &= FILE_ACTIONS
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = _PathRule(rights, place)
    libc.syscall(LANDLOCK_ADD, fence, LANDLOCK_RULE_PATH, ctypes.byref(rule), 0)
    os.close(place)


# Rights


def _drop_capabilities(libc: ctypes.CDLL, kept: int) -> None:
    """For root, and for the owner of a fresh user namespace: neither they nor what they become gets any back."""
    for capability in range(64):
        if not kept >> capability & 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    # Version 3 of the header, this process; then effective, permitted and inheritable, low and high words.
    libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0))


# System calls

# (number on x86-64, on aarch64) of what no reader of a file asks for: sockets, other processes' memory and signals,
# name spaces, mounts, modules, keys, tracing, and the young and intricate parts of the kernel.
_NEVER = {
    "socket": (41, 198), "socketpair": (53, 199), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442), "open_by_handle_at": (304, 265),
    "mknodat": (259, 33), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "personality": (135, 92), "acct": (163, 89),
}  # fmt: skip
_MORE_ON_X86 = (57, 58, 133)  # fork, vfork, mknod
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_CLONE, _CLONE3, _TGKILL = (56, 220), 435, (234, 131)
_CLONE_THREAD, _X32 = 0x10000, 0x40000000
# Opcodes of linux/bpf_common.h and places in struct seccomp_data.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


def _filter_calls(libc: ctypes.CDLL, processes: bool) -> None:
    """Seccomp: refuse what no reader needs. Threads may be started; other processes only when they are asked for."""
    architecture, column = _ARCHITECTURES.get(platform.machine(), (0, 0))
    if not architecture:
        return
    no, absent, yes = _REFUSE | errno.EPERM, _REFUSE | errno.ENOSYS, _ALLOW
    never = [numbers[column] for numbers in _NEVER.values()]
    code = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, no), (_LOAD, 0, 0, _NUMBER)]
    if column == 0:
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, no)]
        never += _MORE_ON_X86[2:] if processes else _MORE_ON_X86
    for number in never:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, no)]
    # A signal to itself is how a program aborts.
    code += [(_EQUAL, 0, 4, _TGKILL[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 1, 0, os.getpid())]
    code += [(_RETURN, 0, 0, no), (_RETURN, 0, 0, yes)]
    if not processes:
        # Its flags lie in memory, out of sight: the C library then asks again by clone.
        code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, absent)]
        code += [(_EQUAL, 0, 3, _CLONE[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_HAS_BITS, 1, 0, _CLONE_THREAD)]
        code += [(_RETURN, 0, 0, no)]
    code += [(_RETURN, 0, 0, yes)]
    packed = b"".join(struct.pack("=HBBI", *step) for step in code)
    libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(_Program(len(code), packed)), 0, 0)


# Work


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
