"""Which scenes a split names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drive.data.nuscenes.tables import readable
from drive.data.paths import inside

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes


def scene_names(nusc: NuScenes, root: Path, version: str, split: str | Sequence[str] | None) -> list[str]:
    """A split -> names of the scenes in it that this data set has, in the order of its scene table."""
    with readable(str(root)):
        here = [scene["name"] for scene in nusc.scene]
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
    from nuscenes.utils.splits import create_splits_scenes

    splits: dict[str, list[str]] = create_splits_scenes()
    path = inside(root, f"{version}/splits.json")
    if path.is_file():
        splits |= read_splits(path)
    return splits


def read_splits(path: Path) -> dict[str, list[str]]:
    """A `splits.json`: split name -> scene names. Raises ValueError where it is none."""
    try:
        own: dict[str, list[str]] = json.loads(path.read_text())
        if not all(isinstance(scenes, list) and all(isinstance(s, str) for s in scenes) for scenes in own.values()):
            raise ValueError("a value is not a list of scene names")
    except (ValueError, AttributeError, RecursionError, OSError) as error:
        raise ValueError(f"{path} is not a mapping of split names to lists of scene names: {error}") from error
    return own
