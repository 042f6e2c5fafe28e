"""Build hook: make the parse table with the wheel, so that no verb ever builds it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ParseTable(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from rewardkit.language import grammar

        folder = Path(self.root) / "build"
        folder.mkdir(exist_ok=True)
        path = folder / grammar.table_name()
        path.write_bytes(grammar.table(grammar.build()))
        build_data["force_include"][str(path)] = f"rewardkit/grammar/{path.name}"
