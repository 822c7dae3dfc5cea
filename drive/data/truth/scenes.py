"""A truth file as a source of scenes (`drive.data.sources`)."""

from __future__ import annotations

from pathlib import Path

from drive.data.scenes import SceneLog
from drive.data.truth.read import read_truth
from drive.maps import RoadMap


class TruthScenes:
    """The scenes of a truth file, all in one nameless split. Raises ValueError as `read_truth`."""

    def __init__(self, path: Path) -> None:
        self._logs = {log.name: log for log in read_truth(path)}

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """As `SceneSource.splits`."""
        return {"": tuple(self._logs)}

    def tokens(self, scene: str) -> tuple[str, ...]:
        """The tokens of a scene's key frames, in time order."""
        return self._logs[scene].tokens

    def log(self, scene: str) -> SceneLog:
        """One whole scene."""
        return self._logs[scene]

    def road_map(self, scene: str) -> RoadMap | None:
        """None: maps are left out."""
        return None
