"""What is told beside pictures, and where it stands: in files of the folder, or in others that are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drive.schema import COMMANDS, Command

RIG, POSES, MOTION = "rig.yaml", "poses.csv", "motion.csv"
SPEED_BOUND_MPS = 100.0


@dataclass(frozen=True)
class ToldBeside:
    """rig, poses, motion: files; None: `RIG`, `POSES`, `MOTION` of the folder, where they are there. speed_mps, command: of every picture,
    before what files say. hz: pictures a second where their names tell no times, before the rig's own.

    Raises ValueError for values that cannot be.
    """

    rig: Path | None = None
    poses: Path | None = None
    motion: Path | None = None
    speed_mps: float | None = None
    command: Command | None = None
    hz: float | None = None

    def __post_init__(self) -> None:
        if self.command is not None and self.command not in COMMANDS:
            raise ValueError(f"command must be {', '.join(COMMANDS)}, got {self.command!r}")
        if self.speed_mps is not None and not abs(self.speed_mps) < SPEED_BOUND_MPS:
            raise ValueError(f"a speed is metres a second of less than {SPEED_BOUND_MPS:g}, got {self.speed_mps:g}")
        if self.hz is not None and not 0 < self.hz <= 1000:
            raise ValueError(f"hz must be more than 0 and at most 1000 pictures a second, got {self.hz:g}")

    def rig_of(self, root: Path) -> Path:
        """The rig's file. Raises ValueError where there is none."""
        path = self.rig or root / RIG
        if not path.is_file():
            where = f"no rig file {path}" if self.rig else f"{root} holds no {RIG}, which says where its cameras stand"
            raise ValueError(f"{where}: name one with --rig, or let `drive rig new {root}` write a first one")
        return path

    def poses_of(self, root: Path) -> Path | None:
        """The file of poses, None where there is none."""
        return _file(self.poses, root / POSES)

    def motion_of(self, root: Path) -> Path | None:
        """The file of speeds and commands, None where there is none."""
        return _file(self.motion, root / MOTION)


NOTHING = ToldBeside()


def _file(named: Path | None, usual: Path) -> Path | None:
    if named is not None and not named.is_file():
        raise ValueError(f"no file {named}")
    return named or (usual if usual.is_file() else None)
