"""What any data set offers, and `open_dataset`: a folder -> its samples, through the adapter of its format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from drive.data.layouts import LAYOUTS, Wanted, require_layout
from drive.data.motion import MotionSource
from drive.data.pictures.told import ToldBeside
from drive.schema import SceneSample, Window

DEFAULT_WINDOW = Window()


class Samples(Protocol):
    """Samples by number: a data set, a list."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[SceneSample]: ...

    def __getitem__(self, i: int, /) -> SceneSample: ...


@runtime_checkable
class Dataset(Samples, Protocol):
    """Samples of a data set, scene by scene in time order, one per key frame; windows are masked at a scene's ends.

    Reading sample i raises IndexError outside, ValueError where its record is impossible. Pictures are files until somebody looks.
    Opening and reading know nothing of planners, metrics or training; whatever these need stands in the samples' types.
    """

    @property
    def name(self) -> str:
        """What reports call it: its folder's name."""
        ...

    @property
    def root(self) -> Path:
        """Its folder."""
        ...

    @property
    def window(self) -> Window:
        """The times around t0 that its samples cover."""
        ...

    @property
    def tokens(self) -> tuple[str, ...]:
        """The samples' tokens, in their order."""
        ...

    @property
    def all_tokens(self) -> tuple[str, ...]:
        """The tokens of every sample that the folder holds, chosen or not."""
        ...

    @property
    def scenes(self) -> tuple[str, ...]:
        """The names of the scenes that the samples come from."""
        ...

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        ...

    def without_maps(self) -> Dataset:
        """The same samples with `Target.map` left out, which is faster to read."""
        ...


def open_dataset(
    root: str | Path,
    *,
    version: str | None = None,
    split: str | Sequence[str] | None = None,
    window: Window = DEFAULT_WINDOW,
    limit: int | None = None,
    command: bool = True,
    motion: MotionSource = "poses",
    maps: bool = True,
    lanes: bool = False,
    told: ToldBeside | None = None,
) -> Dataset:
    """Opens a data set in any of the layouts of `drive.data.layouts`, told by what its folder holds.

    Pictures and maps are read when asked for, never before. What follows is said of nuScenes tables; docs/data.md has the other layouts.

    root: the folder that holds the v1.0-* tables, samples/ and maps/. version: the folder of the tables, needed where
    there are several. split: a split of the devkit ("mini_val"), a split of a `splits.json` beside the tables (split name
    -> scene names), or scene names (a list, or one string with commas); None = all scenes. limit: at most this many samples.
    command: tell planners the route command, derived from the recorded future (see `drive.data.scenes.route_command`).
    motion: speed, acceleration and yaw rate from "poses" (backward differences) or "can" (the CAN bus; unknown where a
    scene has none). maps: fill `Target.map`. lanes: with maps, fill `Target.lanes` from the map expansion. told: the rig and what else is
    told beside own pictures, which the folder then holds.

    Raises ValueError where the tables do not hold together, a calibration is impossible, numbers of the chosen scenes look
    like another convention (`drive.data.conventions`), a file name leaves the root, or a name is unknown; reading a sample
    raises it for what only shows there.
    """
    root = Path(root)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be 1 or more, got {limit}")
    if motion not in ("poses", "can"):
        raise ValueError(f"motion must be 'poses' or 'can', got {motion!r}")
    layout = require_layout(root) if told is None else LAYOUTS["pictures"]
    return layout.opened(root, Wanted(version, split, window, limit, command, motion, maps, lanes, told))
