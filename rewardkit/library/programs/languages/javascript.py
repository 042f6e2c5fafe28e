"""JavaScript, run by Node."""

from __future__ import annotations

from rewardkit.library.programs.languages.language import Language, inside
from rewardkit.sandbox.contract import MIB

JAVASCRIPT = Language(
    name="javascript",
    file="solution.js",
    command=("node", "solution.js"),
    runner=("node", "program.js"),
    runner_files={"program.js": inside("program.js")},
    no_memory=(b"JavaScript heap out of memory", b"Array buffer allocation failed"),
    memory=128 * MIB,
    version=("node", "--version"),
    fences=("js", "mjs", "node", "nodejs"),
)
