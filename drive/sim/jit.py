"""`kernel`: numba's njit with a cache that is dropped whenever any kernel's source changes.

numba's own cache looks at the file of the outermost function alone, so an edited helper in another file would go unseen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

KERNEL_FILES = (
    *("shapes.py", "checks.py", "traffic.py", "walkers.py", "advance.py", "state.py", "proposals.py", "census.py", "meetings.py"),
    *("bench.py", "look/posing.py", "look/flat.py", "look/soup.py"),
    *(f"render/{name}.py" for name in ("pack", "culling", "raster", "shadows", "sky", "pyramid", "looks", "surface", "effects", "shade")),
    "render/picture.py",
)


def _cache_folder() -> Path | None:
    here = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for name in KERNEL_FILES:
        path = here / name
        digest.update(path.read_bytes() if path.exists() else b"")
    cache = here / "__pycache__"
    return cache / f"kernels-{digest.hexdigest()[:12]}" if os.access(here, os.W_OK) else None


_FOLDER = _cache_folder()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call; strict floating point, so that the same input gives the same bytes."""
    return _compiled(function, fastmath=False)


def fast_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, where rounding does not matter (colours, tests with room): the compiler may reorder sums and take several
    elements of a loop at once, and a division by zero is infinite instead of an error."""
    return _compiled(function, fastmath=True, error_model="numpy")


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    config: Any = numba.config
    before = config.CACHE_DIR
    if _FOLDER is not None and not before:
        config.CACHE_DIR = str(_FOLDER)
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
