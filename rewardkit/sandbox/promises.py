"""What the wall promises, each tried on this machine by a program that attempts the contrary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rewardkit.sandbox.contract import MIB, Ended, Job, Limits, Sandbox


@dataclass(frozen=True)
class Promise:
    """`text` holds where `kept` says so of how the program ended."""

    text: str
    program: str
    kept: Callable[[Ended], bool]
    limits: Limits = Limits(seconds=20, memory=128 * MIB, scratch=16 * MIB)


@dataclass(frozen=True)
class Finding:
    promise: str
    kept: bool
    ended: Ended  # by which it shows


def _says(expected: str) -> Callable[[Ended], bool]:
    return lambda ended: ended.stdout.decode("utf-8", "replace").strip() == expected


_REFUSED = """
def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False
"""

PROMISES = (
    Promise(
        "a program has no network",
        _REFUSED
        + "import socket; print(all(refused(lambda: socket.socket(f)) for f in (socket.AF_INET, socket.AF_INET6, 16, 17, 40)))",
        _says("True"),
    ),
    Promise(
        "the system is read-only",
        _REFUSED
        + "print(all(refused(lambda: open(f + '/x', 'w')) for f in ('/', '/usr', '/etc', '/var/tmp', '/run', '/dev')))",
        _says("True"),
    ),
    Promise(
        "the scratch folder is its own, and empty",
        "import os; print(os.getcwd(), os.listdir('.'), os.listdir('/dev/shm') if os.path.isdir('/dev/shm') else [])",
        _says("/tmp ['main.py'] []"),
    ),
    Promise(
        "it sees no process but its own",
        "import os; print(len([n for n in os.listdir('/proc') if n.isdigit()]))",
        _says("2"),
    ),
    Promise(
        "it has no capabilities, and can get none",
        "s = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
        "print(all(int(s[n], 16) == 0 for n in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')), s['NoNewPrivs'].strip())",
        _says("True 1"),
    ),
    Promise(
        "it is under a filter of system calls",
        "s = dict(l.split(':', 1) for l in open('/proc/self/status')); print(s['Seccomp'].strip())",
        _says("2"),
    ),
    Promise(
        "it makes no namespace and mounts nothing",
        "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"
        "print(c.unshare(0x10000000), c.mount(b'none', b'/tmp', b'tmpfs', 0, None), c.syscall(435, 0, 0))",
        _says("-1 -1 -1"),
    ),
    Promise(
        "it cannot reach the process that watches it",
        _REFUSED
        + "import os; print(all(refused(lambda: open(f'/proc/1/{n}', 'rb').read(1)) for n in ('mem', 'environ', 'maps')))",
        _says("True"),
    ),
    Promise(
        "its descriptors are its own",
        "import os; print(len(os.listdir('/proc/self/fd')) - 1)",
        _says("3"),
    ),
    Promise(
        "its processes together stay within its memory",
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n    b = bytearray(40 << 20)\n"
        "    for i in range(0, len(b), 4096): b[i] = 1\n    time.sleep(30)\ntime.sleep(30)",
        lambda ended: ended.out_of_memory,
    ),
    Promise(
        "its files stay within its scratch space",
        "n = 0\ntry:\n  for i in range(64): n += open(f'f{i}', 'wb', 0).write(bytes(1 << 20))\nexcept OSError: pass\nprint(n <= 16 << 20)",
        _says("True"),
    ),
    Promise(
        "it has no more processes than it may",
        "import os, time\nn = 0\ntry:\n  while n < 200:\n    if os.fork() == 0: time.sleep(30); os._exit(0)\n    n += 1\n"
        "except OSError: pass\nprint(n <= 32)",
        _says("True"),
    ),
    Promise("its output is bounded", "while True: print('x' * 1000)", lambda ended: ended.flooded),
    Promise(
        "it ends at its deadline, whatever it does",
        "import os, signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n"
        "while True:\n  try: os.fork()\n  except OSError: pass",
        lambda ended: ended.timed_out,
        Limits(seconds=1.0, memory=256 * MIB),
    ),
    Promise(
        "a daemon ends with its program",
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(60)\nprint('left')",
        lambda ended: b"left" in ended.stdout and ended.seconds < 15,
    ),
)


def tried(sandbox: Sandbox) -> Iterator[Finding]:
    """Each promise in turn, the scratch folder's after the others had their chance to leave something."""
    for promise in sorted(PROMISES, key=lambda promise: "empty" in promise.text):
        job = Job(("python3", "main.py"), {"main.py": promise.program.encode()}, limits=promise.limits)
        ended = sandbox.run(job)
        yield Finding(promise.text, promise.kept(ended), ended)
