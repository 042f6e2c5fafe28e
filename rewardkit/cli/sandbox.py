"""`rewardkit sandbox build`, `check` and `bench`."""

from __future__ import annotations

import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rewardkit.cli import codes
from rewardkit.cli.show import Format, bad, left_table, ok, print_json
from rewardkit.diagnostics import RewardError
from rewardkit.sandbox import SandboxConfig, SandboxError, open_sandbox


class EngineName(StrEnum):
    """The engines with a wall."""

    docker = "docker"
    bubblewrap = "bubblewrap"


Engines = Annotated[
    list[EngineName] | None, typer.Option("--engine", help="only this engine; may be given several times")
]
Image = Annotated[str, typer.Option(metavar="NAME", help="the image's name")]
Runtime = Annotated[str | None, typer.Option(metavar="NAME", help="docker: the runtime, such as runsc")]
Isolation = Annotated[
    str, typer.Option(metavar="KIND", help="`namespaces` (of a job's own) or `container` (used once)")
]
_IMAGE = SandboxConfig().image


def build(
    base: Annotated[
        str | None, typer.Option("--from", metavar="IMAGE", help="on this base image, which has apt-get")
    ] = None,
    rootfs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="from a root file system: needs no registry")
    ] = None,
    debootstrap: Annotated[
        bool, typer.Option("--debootstrap", help="from a Debian mirror: needs root, and no registry")
    ] = False,
    image: Image = _IMAGE,
) -> int:
    """Make the image that programs run in."""
    from rewardkit.sandbox import images
    from rewardkit.sandbox.docker import connect

    if (base is not None) + (rootfs is not None) + debootstrap > 1:
        raise RewardError("give one of --from, --rootfs and --debootstrap")
    client = connect(timeout=3600)

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    if rootfs is not None:
        images.build_from_folder(client, rootfs, image, say)
    elif debootstrap:
        images.build_by_debootstrap(client, image, say)
    else:
        images.build_from_base(client, base, image, say)
    print(f"{ok('built')} {image}")
    return codes.OK


def check(
    engine: Engines = None,
    image: Image = _IMAGE,
    runtime: Runtime = None,
    isolation: Isolation = "namespaces",
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Try what the sandbox promises, on this machine: exit 2 where a promise does not hold."""
    from rewardkit.sandbox.promises import tried

    report: list[dict[str, Any]] = []
    kept = there = 0
    for name in engine or EngineName:
        try:
            with open_sandbox(_config(name, image, runtime, isolation, slots=1)) as sandbox:
                for finding in tried(sandbox):
                    there += 1
                    kept += finding.kept
                    report.append({"engine": name, "promise": finding.promise, "kept": finding.kept})
                    if form is not Format.json:
                        sign = ok("holds ") if finding.kept else bad("broken")
                        print(f"{name:<11}{sign}  {finding.promise}", flush=True)
        except SandboxError as error:
            report.append({"engine": name, "missing": str(error)})
            if form is not Format.json:
                print(f"{name:<11}absent  {error}")
    if form is Format.json:
        print_json(report)
    if not there:
        raise SandboxError("no engine is there to run programs")
    return codes.OK if kept == there else codes.FAILED


def bench(
    engine: Engines = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="how long to measure each way")] = 5.0,
    slots: Annotated[
        int | None, typer.Option(min=1, help="jobs at once; one per core, 2 at least, by default")
    ] = None,
    image: Image = _IMAGE,
    runtime: Runtime = None,
    isolation: Isolation = "namespaces",
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Measure jobs per second: of each engine, of a bare Python process per job, of `docker run` per job."""
    from contextlib import ExitStack

    from rewardkit.sandbox import speed

    ways = {"python3": speed.bare()}
    at_once = 1
    with ExitStack() as open_ones:
        for name in engine or EngineName:
            try:
                sandbox = open_sandbox(_config(name, image, runtime, isolation, slots))
            except SandboxError as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            ways[name.value] = speed.of_sandbox(open_ones.enter_context(sandbox))
            at_once = sandbox.slots
            if name is EngineName.docker and shutil.which("docker"):
                ways["docker run"] = speed.cold(image)
        if len(ways) == 1:
            raise SandboxError("no engine is there to measure")
        found = speed.measure(ways, at_once, seconds)
    rates = {each.name: each.rate for each in found}
    against = [name for name in ("python3", "docker run") if name in rates]
    if form is Format.json:
        print_json(
            [
                {
                    "way": each.name,
                    "slots": at_once,
                    "jobs_per_second": each.rate,
                    "milliseconds": each.milliseconds,
                    **{f"times_{name.replace(' ', '_')}": each.rate / rates[name] for name in against},
                }
                for each in found
            ]
        )
        return codes.OK
    rows = [["", "jobs/s", "ms a job", *[f"x {name}" for name in against]]]
    for each in found:
        ratios = [f"{each.rate / rates[name]:.2f}" for name in against]
        rows.append([each.name, f"{each.rate:.1f}", f"{each.milliseconds:.1f}", *ratios])
    print(left_table(rows))
    return codes.OK


def _config(
    engine: EngineName, image: str, runtime: str | None, isolation: str, slots: int | None
) -> SandboxConfig:
    if isolation not in ("namespaces", "container"):
        raise RewardError(f"--isolation: `{isolation}` is not one of namespaces, container")
    return SandboxConfig(
        engine=engine.value,
        image=image,
        runtime=runtime if engine is EngineName.docker else None,
        isolation="container" if isolation == "container" else "namespaces",
        slots=slots,
    )


#: the verb's own verbs
COMMANDS = {"build": build, "check": check, "bench": bench}
