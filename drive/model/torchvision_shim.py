"""Imports torchvision also where its compiled operators cannot load: a CUDA build of it beside a CPU build of torch.

timm imports torchvision for image transforms alone, yet the import fails because torchvision describes two operators that nobody
registered. `ensure_torchvision()` declares their signatures and imports again; call it before `import timm`.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys

import torch

# Signatures as torchvision's own library registers them.
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")


@functools.cache
def _fragment() -> torch.library.Library:
    # Kept for the life of the process: a library that is collected takes its operators along.
    return torch.library.Library("torchvision", "FRAGMENT")


def ensure_torchvision() -> tuple[str, ...]:
    """Import torchvision, declaring operators that its own library could not register.

    Returns the names declared now: empty where the builds of torch and torchvision match, and on every later call.
    A declared operator has no kernel: calling it (non-maximum suppression) still fails, by name.

    Raises whatever `import torchvision` raises for any other reason.
    """
    declared: list[str] = []
    while True:
        try:
            importlib.import_module("torchvision")
            return tuple(declared)
        except RuntimeError as error:
            missing = _MISSING.search(str(error))
            name = missing.group(1) if missing else ""
            if name not in SCHEMAS or name in declared:
                raise
        _forget("torchvision")
        _fragment().define(SCHEMAS[name])
        declared.append(name)


def _forget(package: str) -> None:
    """Drop what a failed import left behind, so that the next one starts afresh."""
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[module]
