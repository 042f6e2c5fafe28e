"""Running untrusted programs: jobs in, what came of them out. `contract` says what every engine keeps."""

from rewardkit.sandbox.contract import Ended, Job, Limits, Process, Sandbox, SandboxError

__all__ = ["Ended", "Job", "Limits", "Process", "Sandbox", "SandboxError"]
