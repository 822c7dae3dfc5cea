"""Which scenes a split names."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from drive.data.nuscenes.tables import readable
from drive.data.paths import inside

if TYPE_CHECKING:
    from drive.data.nuscenes.index import IndexedTables


def scene_names(tables: IndexedTables, root: Path, version: str, split: str | Sequence[str] | None) -> list[str]:
    """A split -> names of the scenes in it that this data set has, in the order of its scene table."""
    with readable(str(root)):
        here = [scene["name"] for scene in tables.scene]
    if split is None:
        return here
    splits = _splits(root, version)
    official = isinstance(split, str) and split in splits
    wanted = splits[str(split)] if official else split.split(",") if isinstance(split, str) else list(split)
    missing = [name for name in wanted if name not in here]
    chosen = [name for name in here if name in set(wanted)]
    if not chosen or (missing and not official):
        has = f"it has the scenes {', '.join(here[:10])}{' ...' if len(here) > 10 else ''}"
        raise ValueError(f"split {split!r}: no scene {', '.join(missing[:3])} in {root}; {has} and knows the splits {', '.join(splits)}")
    return chosen


def _splits(root: Path, version: str) -> dict[str, list[str]]:
    splits = dict(official_splits())
    path = inside(root, f"{version}/splits.json")
    if path.is_file():
        splits |= read_splits(path)
    return splits


@cache
def official_splits() -> dict[str, list[str]]:
    """nuScenes' own splits: name -> scene names. Read out of the source of nuscenes-devkit, whose import takes seconds."""
    spec = find_spec("nuscenes")
    if spec is None or spec.origin is None:
        raise ValueError("nuScenes' splits are those of nuscenes-devkit, which is not installed: pip install nuscenes-devkit")
    tree = ast.parse((Path(spec.origin).parent / "utils" / "splits.py").read_text())
    found = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    lists = {name.id: ast.literal_eval(value) for name, value in found if isinstance(name, ast.Name) and isinstance(value, ast.List)}
    return {"train": sorted({*lists["train_detect"], *lists["train_track"]}), **lists}


def read_splits(path: Path) -> dict[str, list[str]]:
    """A `splits.json`: split name -> scene names. Raises ValueError where it is none."""
    try:
        own: dict[str, list[str]] = json.loads(path.read_text())
        if not all(isinstance(scenes, list) and all(isinstance(s, str) for s in scenes) for scenes in own.values()):
            raise ValueError("a value is not a list of scene names")
    except (ValueError, AttributeError, RecursionError, OSError) as error:
        raise ValueError(f"{path} is not a mapping of split names to lists of scene names: {error}") from error
    return own
