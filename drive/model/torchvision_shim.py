"""Imports torchvision also where its compiled operators cannot load: a CUDA build of it beside a CPU build of torch.

timm imports torchvision for image transforms alone, yet the import fails because torchvision describes two operators that nobody
registered. `ensure_torchvision()` declares their signatures and imports again; call it before `import timm`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

# Signatures as torchvision's own library registers them.
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_COMPILER = "torch._dynamo"
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
            with _compiler_on_demand():
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


def import_timm() -> Any:
    """timm, behind `ensure_torchvision`."""
    ensure_torchvision()
    with _compiler_on_demand():
        import timm
    return timm


@contextlib.contextmanager
def _compiler_on_demand() -> Iterator[None]:
    """Spares the import of torch's compiler, half the time of loading a planner. torchvision and timm, while they are imported, take two
    of its functions: one that says whether it supports a device, one that tells it to leave a function alone. Here these import it
    when they are used."""
    if _COMPILER in sys.modules:
        yield
        return
    stand_ins = {name: types.ModuleType(name) for name in (_COMPILER, f"{_COMPILER}.utils")}
    stand_ins[_COMPILER].disable = _disabled  # type: ignore[attr-defined]
    stand_ins[f"{_COMPILER}.utils"].is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
        if "_dynamo" in vars(torch):  # set by the import; the real one sets it again
            del torch._dynamo


def _is_compile_supported(device: str) -> bool:
    return importlib.import_module(f"{_COMPILER}.utils").is_compile_supported(device)


def _disabled(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[..., Any]:
    """The function, left alone by the compiler from its first call on."""

    @functools.cache
    def real() -> Callable[..., Any]:
        return importlib.import_module(_COMPILER).disable(function, *arguments, **options)

    @functools.wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        return real()(*values, **named)

    return call


def _forget(package: str) -> None:
    """Drop what a failed import left behind, so that the next one starts afresh."""
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[module]
