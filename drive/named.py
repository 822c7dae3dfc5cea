"""Anybody's object by the name of its class: `module:Class`, also of the current folder."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any


def made(spec: str, what: str) -> Any:
    """`module:Class` -> an object of it, made without arguments. Whatever somebody's code raises while it is loaded is a ValueError that
    names it; what: a word for it there ("planner")."""
    module_name, _, attribute = spec.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        dotted = ".".join(Path(module_name).with_suffix("").parts)
        raise ValueError(f"{what} {spec!r} names a file; name the module, from the folder that holds it: {dotted}:{attribute}")
    if os.getcwd() not in sys.path:  # the console script does not have it there
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module_name), attribute)()
    except Exception as error:
        raise ValueError(f"no {what} at {spec!r}: {type(error).__name__}: {error}") from error
