"""What codecs have learned of driving, shipped as JSON beside this file; `tools/fit_codecs.py` makes it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def fitted(name: str) -> Any:
    """The values of a file. Raises FileNotFoundError where the package lacks it."""
    return json.loads((files("drive.tokens.codecs") / f"{name}.json").read_text())
