"""How demonstrations in towns are made, as plain values: light to import, since every configuration may hold one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from drive.limits import within
from drive.schema import Window

# Towns that no configuration learns from: benchmarks of learned planners are driven here.
FIRST_TEST_TOWN = 900_000
# What came after the first folders were filled, with what these were made by.
UNUSED: dict[str, Any] = {
    "past": False,
    "target": False,
    "teacher": "expert",
    "balanced": False,
    "people": False,
    "turns": 0.0,
    "drives": 1,
    "drawn_px": 0,
    "taken_by": "",
    "amiss": 0.0,
    "queues": 0.0,
}


@dataclass(frozen=True)
class Displacement:
    """How far states are moved from the drive. Standard deviations; beyond three of them nothing is drawn.

    kept: share of states left where they are. speed_mps: change of the speed of half the others; fresh: share of states whose
    speed is drawn anew, from standstill up to the lane's. wide: share of states that are moved twice as far. close: share of the states
    with somebody ahead whose ego is put right behind, nearer than anybody who drives well would get, and no faster than it can stop.
    """

    kept: float = 0.15
    lateral_m: float = 0.7
    heading_deg: float = 5.0
    speed_mps: float = 1.5
    fresh: float = 0.15
    wide: float = 0.2
    close: float = 0.0

    def __post_init__(self) -> None:
        within(self, kept=(0, 1), lateral_m=(0, 100), heading_deg=(0, 180), speed_mps=(0, 100), fresh=(0, 1), wide=(0, 1), close=(0, 1))


@dataclass(frozen=True)
class Recipe:
    """How demonstrations are made. rig: as for `load_rig` ("random": each town's own); pictures are drawn at the rig's size, then shrunk to
    width x height. drawn_px: with the rig's widest camera at this width, 0 = as the rig says. taken_by: another rig, whose cameras are
    drawn instead and resampled into the rig's views, as where a planner meets a rig that it did not learn on ("" = its own).

    per_town: states of each town; empty_share: of the towns, those without traffic. driver: whose drives the states are drawn
    from: "" = along the lane, as traffic drives; else a planner (as for `load_planner`), whose own mistakes are then answered
    (DAgger, arXiv 1011.0686). past: the ego is driven to every state for the window's past, so that states have past poses and, with
    `window.frames` above 1, earlier pictures. target: store what is around the ego too, and what a navigator says. teacher: whose plans
    are the answers ("expert" knows what no camera shows). balanced: states are drawn evenly over lights, gates, leads, turns and stops,
    and shown at every phase of the light ahead; people: those with somebody on foot or on two wheels ahead have a share of their own.
    turns, amiss, queues: shares of the draws that states in turns, those in which a drive goes amiss (off its way, right before a
    collision), and those that come up to who has stopped in traffic, have before all others, when balanced.
    drives: over how many drives through a town, each with its own route and traffic, its states are spread.
    """

    rig: str = "configs/rigs/first-drive.yaml"
    width: int = 192
    height: int = 96
    per_town: int = 60
    empty_share: float = 0.6
    displacement: Displacement = field(default_factory=Displacement)
    window: Window = field(default_factory=Window)
    driver: str = ""
    past: bool = False
    target: bool = False
    teacher: Literal["visible-expert", "expert"] = "visible-expert"
    balanced: bool = True
    people: bool = False
    turns: float = 0.0
    drives: int = 1
    drawn_px: int = 0
    taken_by: str = ""
    amiss: float = 0.0
    queues: float = 0.0

    def __post_init__(self) -> None:
        within(
            self,
            width=(1, 8192),
            height=(1, 8192),
            per_town=(1, 1_000_000),
            empty_share=(0, 1),
            turns=(0, 1),
            amiss=(0, 1),
            queues=(0, 1),
            drives=(1, 1000),
            drawn_px=(0, 8192),
        )
        if self.window.frames > 1 and not self.past:
            raise ValueError(f"states without a past have one frame, recipe.window.frames is {self.window.frames}: set recipe.past")
        if self.taken_by and self.rig.startswith("random"):
            raise ValueError(f"pictures are resampled into views of one rig, recipe.rig is {self.rig!r}: name one, or leave taken_by off")
        for name in ("people", "turns", "amiss", "queues"):
            if getattr(self, name) and not self.balanced:
                raise ValueError(f"recipe.{name} is a share among balanced states: set recipe.balanced, or leave {name} off")

    @property
    def past_s(self) -> float:
        """For how many seconds the ego is driven to a state before it is shown."""
        window = self.window
        return max(window.past_s, (window.frames - 1) / window.rate_hz) if self.past else 0.0

    def shown_to(self, window: Window, past: bool) -> Window | None:
        """The window that the states have for whoever wants another, and (past) looks at past poses; None where they cannot serve.

        Earlier frames that are not there, or not wanted, do no harm: any drive begins with one. Poses of another past would.
        """
        own = self.window
        if (window.future_s, window.rate_hz) != (own.future_s, own.rate_hz) or (past and self.past and window.past_s != own.past_s):
            return None
        return own if self.past else window

    def to_json(self) -> dict[str, Any]:
        """Plain values. What came later is left out where it is not used, so that folders made before it stay valid."""
        values = {key: value for key, value in asdict(self).items() if key not in UNUSED or value != UNUSED[key]}
        return values if self.displacement.close else values | {"displacement": _without(values["displacement"], "close")}

    @staticmethod
    def from_json(values: dict[str, Any]) -> Recipe:
        """The inverse of `to_json`. Raises ValueError for other fields, or values that cannot be."""
        try:
            parts = {"displacement": Displacement(**values["displacement"]), "window": Window(**values["window"])}
            return Recipe(**(UNUSED | values | parts))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no recipe of demonstrations: {error}") from error


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
