"""What a planner is shown in place of what its cameras see: does it look? The world and its truth stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.frames import rotation_z
from drive.maps import COLOURS
from drive.schema import CameraImage
from drive.sim.sight import Eyes, Sight, seed_of
from drive.world.advance import advance
from drive.world.state import BY_LANE, State
from drive.world.world import World

AS_THEY_ARE = ""
TURNED_DEG = 30.0
GREEN, RED = COLOURS.index("green"), COLOURS.index("red")


class BlackEyes(Eyes):
    """Cameras whose pictures are black; nothing is drawn."""

    def __init__(self, world: World, sight: Sight) -> None:
        self.cameras, self._kept = sight.cameras(world), {}

    def look(self, state: State) -> tuple[CameraImage, ...]:
        """One black picture of each camera."""
        return tuple(CameraImage(camera, 0.0, _black(camera)) for camera in self.cameras)


def _black(camera: Camera) -> NDArray[np.uint8]:
    picture = np.zeros((camera.height, camera.width, 3), np.uint8)
    picture.setflags(write=False)
    return picture


class EyesElsewhere(Eyes):
    """Cameras that show the next seed's town, with traffic, at the same step of a drive there in which the ego drives as traffic does.

    Raises ValueError for a world that is no town.
    """

    def __init__(self, world: World, sight: Sight) -> None:
        from drive.world.town.populate import town_world
        from drive.world.town.town import TOWNS

        if world.origin.get("distribution") not in TOWNS:
            raise ValueError(f"pictures of another town need a world that is a town, got {world.name!r}")
        other = town_world(seed_of(world) + 1, TOWNS[world.origin["distribution"]])
        super().__init__(other, sight)
        self.cameras = sight.cameras(world)  # a random rig is the car's own
        self._static, self._states = other.static, [other.start]

    def look(self, state: State) -> tuple[CameraImage, ...]:
        """One picture of each camera in the other town at a state's step."""
        while len(self._states) <= state.step:
            self._states.append(advance(self._static, self._states[-1], 0.0, 0.0, BY_LANE, False))
        return super().look(self._states[state.step])


class TurnedEyes(Eyes):
    """True pictures, of cameras whose mounts are told `TURNED_DEG` further left than they are."""

    def look(self, state: State) -> tuple[CameraImage, ...]:
        """One picture of each camera, with the calibration that is told."""
        turn = rotation_z(np.radians(TURNED_DEG))
        views = []
        for view in super().look(state):
            pose = view.camera.ego_from_camera.copy()
            pose[:3, :3] = turn @ pose[:3, :3]
            views.append(replace(view, camera=replace(view.camera, ego_from_camera=pose)))
        return tuple(views)


class RecolouredEyes(Eyes):
    """Every light that is red is drawn green: red lamps out, green ones lit."""

    def __init__(self, world: World, sight: Sight) -> None:
        cycle = world.static.light_cycle.copy()
        cycle[..., 0][cycle[..., 0] == RED] = GREEN
        super().__init__(replace(world, static=world.static._replace(light_cycle=cycle)), sight)


# Names for tables and files; the first is what any drive is shown.
SHOWN: dict[str, Callable[[World, Sight], Eyes]] = {
    AS_THEY_ARE: Eyes,
    "black": BlackEyes,
    "elsewhere": EyesElsewhere,
    "turned": TurnedEyes,
    "recoloured": RecolouredEyes,
}
MEANING = {
    AS_THEY_ARE: "pictures as they are: the drive that `drive sim` makes without --probe",
    "black": "black pictures: what it does without sight (speed, past and command alone)",
    "elsewhere": "pictures of the next seed's town at the same step: what it is worth that they are of this place and moment",
    "turned": f"every camera's mount is told {TURNED_DEG:g} degrees too far left: whether calibration is used",
    "recoloured": "lights that are red are shown green, and still are red: who looks at lamps stands less at red and passes more",
}


def with_shown(name: str, shown: str) -> str:
    """A planner's name in tables and files, with what it was shown where that is not what is there."""
    return f"{name}-{shown}" if shown else name
