"""OpenEMMA: the folder of a run, with `SCENE_I_pred_traj.npy`. taco-group/OpenEMMA, `main.py`, `utils.py`.

Frame I of a scene is planned from key frame I + 9 (ten are shown). The file holds up to ten points [N, 3] in the world's frame, half a
second apart; the first is where the car is. (Its own evaluation compares the first with the record half a second later.) An answer
without numbers leaves no file. Scenes of which the folder has no file at all were not run.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from drive.data.scenes import SceneLog
from drive.eval.convert.base import Converted, ResultSource
from drive.eval.convert.known import Known
from drive.frames import Array, invert_se3
from drive.schema import PlanError

SHOWN, TOTAL = 10, 20
NAME = re.compile(r"(?P<scene>.+)_(?P<frame>\d{1,6})_pred_traj\.npy")
LARGEST_BYTES = 100_000


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    assert known is not None
    found = {(m["scene"], int(m["frame"])): file for file in sorted(path.glob("*_pred_traj.npy")) if (m := NAME.fullmatch(file.name))}
    if not found:
        raise ValueError(f"{path} holds no SCENE_I_pred_traj.npy, as OpenEMMA's main.py writes them with --plot")
    converted = Converted("ego")
    for scene in dict.fromkeys(scene for scene, _ in found):
        if scene not in known.logs:
            raise ValueError(f"{path} has plans of {scene}, which {known.told} does not have")
        log = known.logs[scene]
        last = max(len(log.tokens) - TOTAL, 0)
        strange = [frame for name, frame in found if name == scene and frame >= last]
        if strange:
            raise ValueError(f"{path} has frame {strange[0]} of {scene}, whose {len(log.tokens)} key frames leave it {last} to plan")
        for frame in range(last):
            file = found.get((scene, frame))
            converted.add(log.tokens[frame + SHOWN - 1], path_of, file, log, frame)
    return converted


def path_of(file: Path | None, log: SceneLog, frame: int, steps: int) -> Array:
    """One file -> path [steps, 2] in the ego frame of its key frame. Raises PlanError where there is none."""
    if file is None:
        raise PlanError("no file for this frame: the answer held no speeds and curvatures")
    points = _points(file)
    if len(points) < steps + 1:
        raise PlanError(f"the answer had {len(points)} speeds and curvatures, expected {steps + 1} or more")
    ego_from_world = invert_se3(log.world_from_ego[frame + SHOWN - 1])
    # The points' height is 0: the ground's is taken instead, as for every other position.
    world = np.column_stack([points[1 : steps + 1], np.full(steps, log.world_from_ego[frame + SHOWN - 1][2, 3])])
    return (world @ ego_from_world[:3, :3].T + ego_from_world[:3, 3])[:, :2]


def _points(file: Path) -> Array:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise ValueError
        points = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise PlanError("the file is no array of numpy") from None
    if not isinstance(points, np.ndarray) or points.dtype.kind not in "fiu" or points.ndim != 2 or points.shape[1] < 2:
        raise PlanError("the file holds no points")
    return points[:, :2].astype(np.float64)


SOURCE = ResultSource("OpenEMMA", "the folder of a run (SCENE_I_pred_traj.npy)", read, needs="poses")
