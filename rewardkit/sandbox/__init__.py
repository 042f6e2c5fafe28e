"""Running untrusted programs: jobs in, what came of them out. `contract` says what every engine keeps."""

from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import MIB, Ended, Job, Limits, Process, Sandbox, SandboxError

__all__ = [
    "MIB",
    "Ended",
    "Job",
    "Limits",
    "Process",
    "Sandbox",
    "SandboxConfig",
    "SandboxError",
    "open_sandbox",
]


def open_sandbox(config: SandboxConfig | None = None) -> Sandbox:
    """An engine, ready for jobs; its walls start in the background. Close it, or use it in a `with`.

    `auto` is Docker where its daemon answers and holds the image, else bubblewrap where it is installed.

    Raises:
        SandboxError: no engine is there; the message says what to install.
    """
    from rewardkit.sandbox.engines import choose

    return choose(config or SandboxConfig())
