"""A seccomp filter: system calls that reading a file never needs are refused by the kernel, for good.

No sockets, no other program, no other process, no signal to one, no change of modes, owners or mounts. It
needs no privilege. A refused call fails with EPERM, so an engine that tries one goes on without.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_VALUE_AT = 0, 4, 16
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_FOREIGN_NUMBERS = 0x40000000  # on x86 a second table of the same calls begins here
_CLONE_THREAD = 0x00010000

# name: (x86_64, aarch64); None where the machine has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "bind": (49, 200),
    "listen": (50, 201), "accept4": (288, 242),
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
    "mknod": (133, None), "mknodat": (259, 33),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "open_by_handle_at": (304, 265),
    "personality": (135, 92), "reboot": (169, 142), "swapon": (167, 224), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip
_OWN_PROCESS_ONLY = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse() -> bool:
    """Refuse these calls to this thread and those it starts; False where the kernel does not do it.

    Needs no_new_privs.
    """
    if platform.machine() not in _MACHINES:
        return False
    steps = b"".join(_steps(*_MACHINES[platform.machine()]))
    program = _Program(len(steps) // 8, steps)
    return int(ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)) == 0


def _steps(column: int, machine: int) -> Iterator[bytes]:
    fail = _FAIL | errno.EPERM
    yield from (_step(_LOAD, _MACHINE_AT), _step(_EQUAL, machine, 1, 0), _step(_RETURN, _KILL_PROCESS))
    yield from (_step(_LOAD, _NUMBER_AT), _step(_AT_LEAST, _FOREIGN_NUMBERS, 0, 1), _step(_RETURN, fail))
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            yield from (_step(_EQUAL, number, 0, 1), _step(_RETURN, fail))
    # The newer call hides its flags from a filter; told that it is not there, libraries use the older one.
    yield from (_step(_EQUAL, _CLONE3[column], 0, 1), _step(_RETURN, _FAIL | errno.ENOSYS))
    yield from _only_if(_CLONE[column], _step(_ANY_BIT, _CLONE_THREAD, 0, 1))
    for numbers in _OWN_PROCESS_ONLY.values():
        own = (_step(_EQUAL, 0, 1, 0), _step(_EQUAL, os.getpid(), 0, 1))
        yield from _only_if(numbers[column], *own)
    yield _step(_RETURN, _ALLOW)


def _only_if(number: int, *tests: bytes) -> Iterator[bytes]:
    """Allow a call when its first value passes: the last test goes on to the first of two answers."""
    yield _step(_EQUAL, number, 0, len(tests) + 3)
    yield _step(_LOAD, _FIRST_VALUE_AT)
    yield from tests
    yield from (_step(_RETURN, _ALLOW), _step(_RETURN, _FAIL | errno.EPERM))


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
