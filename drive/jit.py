"""`kernel`: numba's njit with a cache that is dropped whenever a source that the kernel is compiled from changes; `part`: what
kernels call and Python does not.

numba's own cache looks at the file of the outermost function alone, so an edited helper or constant in another file would go
unseen. Here each module with kernels has a cache folder named after the text of all modules of this package that it imports,
directly or through others.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import types
from numba.extending import register_jitable

from drive.linking import Linked

PACKAGE = Path(__file__).parent
# `from drive.x import a, b` at the start of a line; b may be a module itself. Imports inside functions cannot reach a kernel.
_IMPORT = re.compile(r"^(?:from|import) (drive[\w.]*)(?: import ([\w, ]+))?", re.MULTILINE)


def sources_of(module: str) -> set[Path]:
    """The file of a module of this package and of every module of it that is imported from there on."""
    found: set[Path] = set()
    waiting = [_file_of(module)]
    while waiting:
        path = waiting.pop()
        if path is not None and path not in found:
            found.add(path)
            waiting += [_file_of(name) for name in _imported(path)]
    return found


@cache
def _imported(path: Path) -> tuple[str, ...]:
    names = []
    for match in _IMPORT.finditer(path.read_text()):
        members = [name.strip() for name in (match[2] or "").split(",")]
        names += [match[1], *(f"{match[1]}.{name}" for name in members if name)]
    return tuple(names)


def _file_of(module: str) -> Path | None:
    """None where a dotted name is no module (a function's, say), and for the package itself, which imports on first use."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    candidates = (place.with_suffix(".py"), place / "__init__.py") if place != PACKAGE else ()
    return next((path for path in candidates if path.is_file()), None)


@cache
def cache_folder(module: str) -> Path | None:
    """Where the compiled kernels of a module lie: beside the package, or in the user's cache where that is read-only; None: nowhere."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(sources_of(module)):
        digest.update(str(path.relative_to(PACKAGE)).encode() + path.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"{module.removeprefix('drive.')}-{digest.hexdigest()[:12]}"
    return next((base / "kernels" / name for base in (PACKAGE / "__pycache__", home / "drive") if _writable(base)), None)


def on_disk(module: str, name: str) -> bool:
    """Whether a kernel of a module is compiled there for the sources as they are (elsewhere, where NUMBA_CACHE_DIR says so: at all)."""
    chosen: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    folder = Path(chosen) if chosen else cache_folder(module)
    return folder is not None and any(folder.rglob(f"{module.rpartition('.')[2]}.{name}-*.nbi"))


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call; strict floating point, so that the same input gives the same bytes."""
    return _compiled(function, fastmath=False)


def fast_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, where rounding does not matter (colours, tests with room): the compiler may reorder sums and take several
    elements of a loop at once, and a division by zero is infinite instead of an error."""
    return _compiled(function, fastmath=True, error_model="numpy")


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, for a function that kernels alone call, and that makes and returns no array: it gets neither a way in from Python
    nor reference counts, which for a world's dozens of arrays are most of the work of compiling. From Python it runs as Python."""
    return _linked(function, fastmath=False, _nrt=False)


def maker_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `part`, where arrays are made or returned."""
    return _linked(function, fastmath=False)


def fast_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `part`, compiled like a `fast_kernel`."""
    return _linked(function, fastmath=True, error_model="numpy", _nrt=False)


def _linked(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return register_jitable(pipeline_class=Linked, no_cfunc_wrapper=True, **options)(function)  # type: ignore[no-any-return]


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    config: Any = numba.config
    njit: Any = numba.njit
    before = config.CACHE_DIR
    folder = None if before else cache_folder(function.__module__)
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        options |= {"cache": bool(before or folder), "nogil": True, "no_cfunc_wrapper": True}  # the last: nobody calls one from C
        return _once_a_type(njit(**options)(function))
    finally:
        config.CACHE_DIR = before


def _once_a_type(made: Any) -> Any:
    """A call with a constant would be compiled for that constant alone: here for its type, as every other call."""
    typed = made.get_call_template
    made.get_call_template = lambda args, kws: typed(
        tuple(types.unliteral(arg) for arg in args), {name: types.unliteral(arg) for name, arg in kws.items()}
    )
    return made
