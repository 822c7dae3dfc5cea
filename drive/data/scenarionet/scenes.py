"""ScenarioNet files, a scene each -> `SceneLog`, key frames at the file's own rate (10 Hz); there are no pictures."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from drive.data.paths import inside
from drive.data.scenarionet.categories import category_of
from drive.data.scenarionet.files import ScenarioFile, read_scenario
from drive.data.scenes import SceneLog, usual_spacing
from drive.data.tracks import BoxRows, tracks_of
from drive.frames import Array, rotation_z, se3
from drive.maps import RoadMap

SUFFIX = ".pkl"
# ScenarioNet names its files sd_DATASET_VERSION_SCENARIO.pkl; they lie beside its summaries, or in folders beside these.
NAMED = "sd_*.pkl"
SUMMARIES = frozenset({"dataset_summary.pkl", "dataset_mapping.pkl"})
SPACING_S = 0.1
UNTOLD_MPS = 1.0  # stands where a lane's speed limit is not told; never shown


def is_scenarionet(root: Path) -> bool:
    """Whether a path is such a file, or a folder that holds some, or a summary and folders with some."""
    if root.is_file():
        return root.suffix == SUFFIX
    return any(True for pattern in _patterns(root) for _ in root.glob(pattern))


def _patterns(root: Path) -> tuple[str, ...]:
    return (NAMED, f"*/{NAMED}") if any((root / name).is_file() for name in SUMMARIES) else (NAMED,)


class Scenarios:
    """The scenes of a folder or of one file (`drive.data.sources.SceneSource`). A scene's name is its file's without the ending, and ends
    with the scenario's id in its source, by which the same drive is known in another source; a file that is named otherwise is refused.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[str, ScenarioFile] = {}
        self._lengths: dict[str, int] = {}

    @cached_property
    def _files(self) -> dict[str, dict[str, Path]]:
        """Folder -> scene's name -> its file; links that lead out of the root are refused."""
        if self.root.is_file():
            return {"": {self.root.stem: self.root}}
        found: dict[str, dict[str, Path]] = {}
        for path in sorted(path for pattern in _patterns(self.root) for path in self.root.glob(pattern)):
            group = "" if path.parent == self.root else path.parent.name
            found.setdefault(group, {})[path.stem] = inside(self.root, str(path.relative_to(self.root)))
        return found

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, folder by folder. Raises ValueError where a link leads out of the root."""
        return tuple(path for files in self._files.values() for path in files.values())

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Folder -> scenes; files of the folder itself under the empty name."""
        return {group: tuple(files) for group, files in self._files.items()}

    def notes(self, scene: str | None) -> list[str]:
        """What of a scene's map is not used, counted by kind; None: pickles that are not named like scenes."""
        if scene is not None:
            return self.file(scene).features.notes()
        paths = self.root.glob(f"*{SUFFIX}") if self.root.is_dir() else ()
        others = sorted(path.name for path in paths if not path.match(NAMED) and path.name not in SUMMARIES)
        return [f"{len(others)} pickles that are not named {NAMED}: {', '.join(others[:3])}"] if others else []

    def file(self, scene: str) -> ScenarioFile:
        """A scene's file. Raises ValueError where it is damaged, or its scenario is another than its name says."""
        if scene not in self._read:
            path = next(files[scene] for files in self._files.values() if scene in files)
            found = read_scenario(path)
            if not found.scenario or not scene.endswith(found.scenario):
                told = f"rename it to sd_SOURCE_{found.scenario}{SUFFIX}" if found.scenario else "metadata.scenario_id is missing"
                raise ValueError(f"{path}: it holds scenario {found.scenario!r}, which its name must end with: {told}")
            self._read = {scene: found}  # one at a time: samples come scene by scene
        return self._read[scene]

    def tokens(self, scene: str) -> tuple[str, ...]:
        """A key frame's token is SCENE:NUMBER, counted from 0."""
        if scene not in self._lengths:
            self._lengths[scene] = len(self.file(scene).times_s)
        return tuple(f"{scene}:{k:03d}" for k in range(self._lengths[scene]))

    def log(self, scene: str) -> SceneLog:
        """One scene. Its times begin at 0, as in its file. Raises ValueError as `file`, and where a track is impossible."""
        found = self.file(scene)
        stamps = np.round(found.times_s * 1e6).astype(np.int64)
        rows = found.ego_rows
        places = np.column_stack([rows[:, :2], _ground(found)])
        return SceneLog(
            name=scene,
            location=found.location,
            map_file="",
            tokens=self.tokens(scene),
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, SPACING_S),
            world_from_ego=se3(np.stack([rotation_z(heading) for heading in rows[:, 2]]), places),
            cameras=((),) * len(stamps),
            ego_from_lidar=(None,) * len(stamps),
            tracks=tracks_of(_boxes(found), found.times_s),
        )

    def road_map(self, scene: str) -> RoadMap | None:
        """The file's map, in its world frame, with the lights that it tells; None where it has no lanes. Raises ValueError where a
        feature is damaged."""
        found = self.file(scene)
        return found.road_map(UNTOLD_MPS) if found.features.named("LANE") else None


def _flat(found: ScenarioFile) -> bool:
    """Whether a file tells no heights: every place lies at 0."""
    return not any(track.places[:, 2].any() for track in (found.ego, *found.tracks.values()))


def _ground(found: ScenarioFile) -> Array:
    """The ground under the ego, [F]: the lower side of its box, or its point where that is on the ground already."""
    z = found.ego.places[:, 2]
    return z - found.ego.size[2] / 2 if found.producer.centred and not _flat(found) else z


def _boxes(found: ScenarioFile) -> BoxRows:
    """Everybody's boxes; in a file without heights they stand on the ground. Nobody tells points or visibility."""
    lift = _flat(found)
    seen = [(name, track, np.flatnonzero(track.valid)) for name, track in found.tracks.items() if track.valid.any()]
    counts = [len(steps) for *_, steps in seen]
    total = sum(counts)

    def each(values: list[Array], width: int) -> Array:
        return np.concatenate(values) if values else np.zeros((0, width))

    headings = each([track.rows[steps, 2:3] for _, track, steps in seen], 1)[:, 0]
    up = np.repeat([[0.0, 0.0, track.size[2] / 2 if lift else 0.0] for _, track, _ in seen], counts, axis=0) if seen else 0.0
    return BoxRows(
        steps=np.concatenate([steps for *_, steps in seen]).astype(np.int64) if seen else np.zeros(0, dtype=np.int64),
        instances=[name for name, _, steps in seen for _ in steps],
        categories=[category for _, track, steps in seen for category in [category_of(track)] * len(steps)],
        centres=each([track.places[steps] for _, track, steps in seen], 3) + up,
        forward=np.stack([np.cos(headings), np.sin(headings), np.zeros(total)], -1),
        sizes=each([np.tile(track.size, (len(steps), 1)) for _, track, steps in seen], 3),
        points=np.full(total, -1, dtype=np.int64),
        visibility=np.zeros(total, dtype=np.int64),
    )
