"""The files of a language model's folder: which they are, what their headers say, and their tensors, one at a time.

A folder may come from anybody. Names and sizes are compared before any value is read, and no file outside of the folder is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from drive.checkpoint import read_json
from drive.tensors import FLOATS, not_finite

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
# Stored by some, computed by us.
_IGNORED = ("rotary_emb.inv_freq",)
_TOLD = 60  # characters of what a file says that an error repeats


def told(value: Any) -> str:
    """What a file says, as one short line of an error."""
    try:
        text = ascii(value)
    except RecursionError:
        text = f"a nested {type(value).__name__}"
    return text if len(text) <= _TOLD else text[:_TOLD] + "..."


def part_of(folder: Path, name: str) -> Path:
    """A file of a folder. Raises ValueError where it is a link to a file outside; Hugging Face's cache links each file of a snapshot to a
    blob beside the snapshots."""
    file, own = folder / name, folder.resolve()
    if file.is_file():
        within = [own, *([own.parent.parent / "blobs"] if own.parent.name == "snapshots" else [])]
        if file.resolve().parent not in within:
            raise ValueError(f"{file} is a link to a file outside of its folder: put a copy there")
    return file


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder's weights: model.safetensors, or those that its index names. Raises ValueError where there are none."""
    names = _named(folder) if part_of(folder, INDEX).is_file() else [SINGLE]
    files = [part_of(folder, name) for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{folder} has no {told(missing[0])[1:-1]}: init_from takes a folder with config.json and model*.safetensors")
    return files


def _named(folder: Path) -> list[str]:
    named = read_json(folder / INDEX).get("weight_map")
    names = list(named.values()) if isinstance(named, dict) else []
    strange = [name for name in names if not _is_name(name)]
    if strange or not names:
        raise ValueError(f"{folder / INDEX}: weight_map must name files of the folder, got {told(strange[0] if strange else named)}")
    return sorted(set(names))


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(".safetensors") and name.isprintable() and len(name) <= 200 and not {"/", "\\"} & {*name}


def compare(files: Sequence[Path], expected: Mapping[str, tuple[int, ...]], folder: Path) -> None:
    """Compares the headers of files with names and shapes; no value is read. Raises ValueError naming the first tensor that is missing,
    there twice, unknown, of another shape, or not stored as floating numbers."""
    shapes, kinds = _headers(files, tied="lm_head.weight" not in expected)
    missing = [name for name in expected if name not in shapes]
    strange = [name for name in shapes if name not in expected]
    if missing or strange:
        problem = f"has no {missing[0]}" if missing else f"has {told(strange[0])[1:-1]}, which our layers do not"
        raise ValueError(f"{folder} does not fit its config.json: it {problem} ({len(missing)} missing, {len(strange)} unknown)")
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise ValueError(f"{folder} does not fit its config.json: {name} is {told(list(shapes[name]))}, expected {list(shape)}")
        if kinds[name] not in FLOATS:
            raise ValueError(f"{folder}: {name} is stored as {kinds[name]}, expected {' or '.join(FLOATS)}; quantised weights are not read")


def _headers(files: Sequence[Path], tied: bool) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Shapes and types by name, without what we make no use of."""
    shapes: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, str] = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - no mapping
                    if name.endswith(_IGNORED) or (tied and name == "lm_head.weight"):  # tied: a copy of the embeddings
                        continue
                    if name in shapes:
                        raise ValueError(f"{file}: {told(name)[1:-1]} is in another file of the folder too; take another copy")
                    part = opened.get_slice(name)
                    shapes[name], kinds[name] = tuple(part.get_shape()), part.get_dtype()
        except (SafetensorError, OSError) as error:
            raise _damaged(file, error) from error
    return shapes, kinds


def tensors(files: Sequence[Path], names: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of some names, read one at a time. Raises ValueError where one holds a value that is not finite."""
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in sorted(set(opened.keys()) & set(names)):
                    tensor = opened.get_tensor(name)
                    if not_finite([(name, tensor)]):
                        raise ValueError(f"{file} is damaged: {name} holds values that are not finite; take another copy")
                    yield name, tensor
        except (SafetensorError, OSError) as error:
            raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> ValueError:
    return ValueError(f"{file} is damaged: {ascii(' '.join(str(error).split())[:200])[1:-1]}")
