"""The filter on a program's system calls, assembled by hand: what it has no need of is refused."""

from __future__ import annotations

import ctypes
import struct

from rewardkit.sandbox.inside.kernel import (
    CLONE_NEWNET,
    MACHINE,
    NAMESPACES,
    PR_SET_SECCOMP,
    checked,
    syscall,
)

#: name -> number on x86_64 and on aarch64 (None: it has no such call). Refused as not permitted.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other namespaces, mounts and roots
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # large and seldom used parts of the kernel
    "bpf": (321, 280),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "vmsplice": (278, 75),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "vserver": (236, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "modify_ldt": (154, None),
    "remap_file_pages": (216, 234),
    # files by handle, past every path rule
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # memory that no file system's limit holds
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
}
#: calls judged by an argument
_CLONE, _SOCKET, _SOCKETPAIR = (56, 220), (41, 198), (53, 199)
_PERSONALITY, _PRLIMIT, _IOCTL = (135, 92), (302, 261), (16, 29)
_MKNOD, _MKNODAT = (133, None), (259, 33)
_CLONE3 = 435
#: the newest call known here; what came after it does not exist for a program
_LAST = 450

_ARCHITECTURE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_KILL, _ERROR, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_EPERM, _ENOSYS = 1, 38
_AF_UNIX, _QUERY = 1, 0xFFFF_FFFF
_DEVICE = 0o020000  # in the mode of a character or block device, not in that of a file, fifo or socket
#: put words into a terminal's input, change its discipline
_TERMINAL = (0x5412, 0x541C, 0x5423)


def strict_filter(machine: str = MACHINE) -> bytes:
    """The filter as the kernel takes it: a sequence of `struct sock_filter`."""
    this = 0 if machine == "x86_64" else 1
    program: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]

    def refuse(number: int, errno: int = _EPERM) -> None:
        program.extend([(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno)])

    def judge(
        number: int, argument: int, test: int, values: tuple[int, ...], met: int, otherwise: int
    ) -> None:
        """What to return where the low word of an argument meets the test with any of the values."""
        tests = [(test, len(values) - i, 0, value) for i, value in enumerate(values)]
        body = [
            (_LOAD, 0, 0, 16 + 8 * argument),
            *tests,
            (_RETURN, 0, 0, otherwise),
            (_RETURN, 0, 0, met),
        ]
        program.extend([(_EQUAL, 0, len(body), number), *body])

    if machine == "x86_64":
        program.extend([(_ABOVE, 0, 1, 0x3FFF_FFFF), (_RETURN, 0, 0, _KILL)])  # the x32 numbers
    program.extend([(_ABOVE, 0, 1, _LAST), (_RETURN, 0, 0, _ERROR | _ENOSYS)])
    refuse(_CLONE3, _ENOSYS)  # its flags lie in memory; with this answer the C library uses `clone`
    for pair in REFUSED.values():
        if (number := pair[this]) is not None:
            refuse(number)
    no = _ERROR | _EPERM
    judge(_SOCKET[this], 0, _EQUAL, (_AF_UNIX,), _ALLOW, no)
    judge(_SOCKETPAIR[this], 0, _EQUAL, (_AF_UNIX,), _ALLOW, no)
    judge(_PERSONALITY[this], 0, _EQUAL, (_QUERY,), _ALLOW, no)
    judge(_PRLIMIT[this], 0, _EQUAL, (0,), _ALLOW, no)
    judge(_CLONE[this], 0, _ANY_BIT, (NAMESPACES | CLONE_NEWNET,), no, _ALLOW)
    judge(_MKNODAT[this], 2, _ANY_BIT, (_DEVICE,), no, _ALLOW)
    if (number := _MKNOD[this]) is not None:
        judge(number, 1, _ANY_BIT, (_DEVICE,), no, _ALLOW)
    judge(_IOCTL[this], 1, _EQUAL, _TERMINAL, no, _ALLOW)
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in program)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]


def install(code: bytes) -> None:
    """Put this thread, and whatever it starts, under the filter. `no_new_privs` must be set."""
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    number = {"x86_64": 157, "aarch64": 167}[MACHINE]  # prctl
    mode_filter = ctypes.c_ulong(2)
    checked(
        syscall(number, ctypes.c_long(PR_SET_SECCOMP), mode_filter, ctypes.byref(program), 0, 0), "seccomp"
    )
