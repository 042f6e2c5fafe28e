"""The languages that programs are written in, one file each."""

from __future__ import annotations

from rewardkit.library.programs.languages.javascript import JAVASCRIPT
from rewardkit.library.programs.languages.language import Language
from rewardkit.library.programs.languages.python import PYTHON

LANGUAGES: dict[str, Language] = {language.name: language for language in (PYTHON, JAVASCRIPT)}

__all__ = ["LANGUAGES", "Language"]
