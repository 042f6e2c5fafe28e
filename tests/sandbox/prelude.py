# What the programs of `attacks.toml` begin with; it runs inside the sandbox. NUMBERS is put in front.
import ctypes
import os
import sys  # noqa: F401 (for the programs)

libc = ctypes.CDLL(None, use_errno=True)
ARM = os.uname().machine == "aarch64"
CLONE = 220 if ARM else 56


def call(name, *arguments):
    number = NUMBERS[name][ARM]  # noqa: F821
    return -1 if number is None else libc.syscall(number, *arguments)


def wants(what, function, *arguments):
    """Try something that must be refused."""
    try:
        result = function(*arguments)
    except (OSError, OverflowError, ValueError, ImportError):
        return
    if not (isinstance(result, int) and not isinstance(result, bool) and result < 0):
        os.write(1, f"escaped: {what}: {result!r}\n".encode())
