"""Files of named tensors (safetensors): compared with what is expected before anything is allocated, and finite."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

_NAMES = {torch.float32: "F32", torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL"}
# Weights may be stored in half the size; loading widens them.
FLOATS = ("F32", "F16", "BF16")


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file. Raises OSError as other files do."""
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number.group(1)), str(error)) from error


def load_tensors(path: Path, expected: Mapping[str, Tensor] | None = None, subset: bool = False) -> dict[str, Tensor]:
    """A safetensors file. expected: names, shapes and dtypes as of these compared before
    the values are read; subset: some of them may be missing.

    Raises ValueError where the file is missing, damaged, does not fit, or holds a value that is not finite.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing: not a checkpoint folder, or an incomplete copy")
    try:
        if expected is not None:
            _compare(path, expected, subset)
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error
    bad = not_finite(tensors.items())
    if bad:
        raise ValueError(f"{path} is damaged: {bad[0]} holds values that are not finite; take another copy, or train anew")
    return tensors


def require_numbers(path: Path, least: int) -> None:
    """Looks at the header of a safetensors file alone. Raises ValueError where it is missing, damaged, or holds fewer numbers than a
    network of its configuration has at least, which then need not be made."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: not a checkpoint folder, or an incomplete copy")
    try:
        with safe_open(path, framework="pt") as file:
            stored = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error
    if stored < least:
        raise ValueError(f"{path} does not fit its config.json: it holds {stored:,} numbers, the configuration needs {least:,} at least")


def not_finite(named: Iterable[tuple[str, Tensor]]) -> list[str]:
    """The names of floating tensors (of one device) that hold NaN or infinity, in order; quick where there are none."""
    floats = [(name, tensor) for name, tensor in named if tensor.is_floating_point() and tensor.numel()]
    # A sum is finite only where all its parts are, and costs a seventh of a look at each; a sum that overflows is looked at again.
    if not floats or bool(torch.isfinite(torch.stack([tensor.detach().sum(dtype=torch.float32) for _, tensor in floats])).all()):
        return []
    return [name for name, tensor in floats if not bool(torch.isfinite(tensor).all())]


def _compare(path: Path, expected: Mapping[str, Tensor], subset: bool) -> None:
    """Raises ValueError where the header of a file names other tensors than expected."""
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
        wrong = sorted((names - set(expected)) if subset else (names ^ set(expected)))
        if wrong:
            there = "has no" if wrong[0] in expected else "has one too many:"
            raise ValueError(f"{path} does not fit its config.json: {len(wrong)} tensors differ, the first: it {there} {wrong[0]}")
        for name in sorted(names):
            part, own = file.get_slice(name), expected[name]
            shape, dtype = list(part.get_shape()), part.get_dtype()
            if shape != list(own.shape):
                raise ValueError(f"{path} does not fit its config.json: {name} is {shape}, expected {list(own.shape)}")
            fitting = FLOATS if own.is_floating_point() else (_NAMES.get(own.dtype, "none"),)
            if dtype not in fitting:
                raise ValueError(f"{path} does not fit its config.json: {name} is of type {dtype}, expected {' or '.join(fitting)}")


def fill_backbone(backbone: nn.Module, file: Path, name: str, prefix: str = "") -> None:
    """Fill a backbone (timm's `name`) from a safetensors file of the whole timm model, or of the backbone alone; what it does not have (a
    classifier, later stages) is left out. prefix: of the names in the file that count.

    Raises ValueError naming the first tensor that is missing, of another shape or not finite; the backbone is then as it was.
    """
    own = backbone.state_dict()
    given = {key.removeprefix(prefix): tensor for key, tensor in load_tensors(file).items() if key.startswith(prefix)}
    found: dict[str, Tensor] = {}
    for key, tensor in own.items():
        # timm's lists of features call the module `stages.0` `stages_0`.
        first, dot, rest = key.partition(".")
        stored = given.get(key, given.get(first.replace("_", ".") + dot + rest))
        if stored is None and key.endswith("num_batches_tracked"):
            stored = tensor
        if stored is None:
            raise ValueError(f"{file} has no {key}: expected the weights of {name} under timm's names")
        if stored.shape != tensor.shape:
            raise ValueError(f"{file}: {key} is {list(stored.shape)}, expected {list(tensor.shape)}")
        found[key] = stored
    with torch.no_grad():
        backbone.load_state_dict(found)
