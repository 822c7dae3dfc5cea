"""A feather table as columns of the kinds that one asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

INSTALL = "tables of Argoverse 2 are read by pyarrow: pip install 'drive[argoverse]'"
MAX_BYTES = 2_000_000_000


def read_columns(path: Path, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    """Columns [N] of a table: `f` float64, `i` int64, `T` text (object).

    Raises ValueError, naming file and column, where the table does not open, lacks one, or holds another kind, a null or (of `f`) a value
    that is not finite; ImportError where pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, feather
    except ImportError as error:
        raise ImportError(INSTALL) from error
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, more than {MAX_BYTES}; no such table")
    try:
        table = feather.read_table(path)
    except (ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path}: no feather table ({error})") from error
    missing = [name for name in kinds if name not in table.column_names]
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; it has {', '.join(table.column_names)}")
    return {name: _column(path, name, table.column(name), kind) for name, kind in kinds.items()}


def _column(path: Path, name: str, column: object, kind: str) -> np.ndarray:
    import pyarrow.types as types

    sort, count = column.type, column.null_count  # type: ignore[attr-defined]
    fits = {"f": types.is_floating(sort) or types.is_integer(sort), "i": types.is_integer(sort), "T": types.is_string(sort)}[kind]
    if not fits or count:
        raise ValueError(f"{path}, {name}: {sort} with {count} nulls, expected {_WORDS[kind]} in every row")
    values: np.ndarray = column.to_numpy().astype(_DTYPES[kind])  # type: ignore[attr-defined]
    if kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{path}, {name}: row {int(np.argmin(np.isfinite(values)))} is not finite")
    return values


_DTYPES = {"f": np.float64, "i": np.int64, "T": object}
_WORDS = {"f": "numbers", "i": "integers", "T": "text"}
