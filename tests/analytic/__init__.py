"""A data set in nuScenes format of which everything is known in closed form: roads are arcs, speeds change linearly.

`analytic_set()` writes it once to the folder of temporary files and returns where; `scenes.py` holds the numbers.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

SEED = 1


@cache
def analytic_set() -> Path:
    """The folder of the set, called mini: eight drives of 14 key frames with six cameras. Must not be changed."""
    return _once("mini", write_set)


@cache
def small_set() -> Path:
    """Of that set two drives, and two cameras: what suffices to train on. Must not be changed."""
    from tests.analytic.part import write_part

    return _once("small", lambda root: write_part(analytic_set(), root, ("stopped", "accelerate"), ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP")))


@cache
def sets_folder() -> Path:
    """Where both lie, or will: another folder for other sources."""
    source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return Path(tempfile.gettempdir()).resolve() / f"drive-analytic-{os.getuid()}-{hashlib.sha256(source).hexdigest()[:12]}"


def _once(name: str, write: Callable[[Path], object]) -> Path:
    """What was written to the folder of that name, once for all processes."""
    root = sets_folder() / name
    root.parent.mkdir(exist_ok=True)
    with (root.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # seconds of work: whoever comes meanwhile waits for it
        if not root.is_dir():
            part = Path(tempfile.mkdtemp(prefix="drive-analytic-"))
            write(part / name)
            (part / name).rename(root)
            part.rmdir()
    return root


def write_set(root: Path) -> None:
    """Writes the set. The same bytes every time, with the same version of OpenCV."""
    from tests.analytic.expansion import write_maps
    from tests.analytic.record import write_scene
    from tests.analytic.rows import Writer
    from tests.analytic.scenes import make_scenes

    scenes, writer = make_scenes(SEED), Writer(root, SEED)
    for index, scene in enumerate(scenes):
        write_scene(writer, index, scene)
    write_maps(writer, scenes)
    splits: dict[str, list[str]] = {}
    for scene in scenes:
        splits.setdefault(scene.split, []).append(scene.name)
    writer.save(splits)
