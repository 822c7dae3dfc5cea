"""Which worlds a run drives through, and driving them: in order, by any number of workers, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from drive.asking import notes_of
from drive.pool import STUCK_S, outcomes
from drive.schema import Planner
from drive.sim.rollout import HUMAN, Loop, PrivilegedPlanner, Rollout, replay_human, rollout
from drive.world.world import World


@dataclass(frozen=True)
class Episode:
    """A recipe of one world. source: "town", a ScenarioNet file, or a data set's folder with the name of a scene.

    traffic: "reactive", "empty" (towns) or "replay" (recorded scenes).
    """

    source: str
    seed: int = 0
    family: str = "ordinary"
    traffic: str = "reactive"
    distribution: str = "town"
    scene: str = ""

    @property
    def name(self) -> str:
        """A name for files and tables."""
        stem = f"{self.distribution}-{self.seed:05d}" if self.source == "town" else self.scene or Path(self.source).stem
        return stem if self.family == "ordinary" else f"{stem}-{self.family}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Episode:
        """The inverse of `to_json`. Raises TypeError for other fields."""
        return Episode(**data)


def make_world(episode: Episode) -> World:
    """The world of a recipe. Raises ValueError where it names what is not there."""
    from drive.world.recorded.nuscenes import scene_world
    from drive.world.recorded.scenarionet import log_world
    from drive.world.town.populate import EMPTY, TrafficConfig, town_world
    from drive.world.town.scenarios import family_world
    from drive.world.town.town import TOWNS

    if episode.source != "town":
        if episode.traffic not in ("reactive", "replay"):
            raise ValueError(f"traffic of a recorded scene is reactive or replay, got {episode.traffic!r}")
        reactive = episode.traffic == "reactive"
        return scene_world(episode.source, episode.scene, reactive) if episode.scene else log_world(episode.source, reactive)
    if episode.distribution not in TOWNS:
        raise ValueError(f"no town distribution {episode.distribution!r}; there are {', '.join(sorted(TOWNS))}")
    if episode.traffic not in ("reactive", "empty"):
        raise ValueError(f"traffic of a town is reactive or empty, got {episode.traffic!r}")
    config = TOWNS[episode.distribution]
    if episode.family != "ordinary":
        return family_world(episode.family, episode.seed, config)
    return town_world(episode.seed, config, EMPTY if episode.traffic == "empty" else TrafficConfig())


MakePlanner = Callable[[str], Planner | PrivilegedPlanner]


def drive_episode(episode: Episode, planner: str, loop: Loop, load: MakePlanner) -> Rollout:
    """One episode by the planner that `load` makes of a name; `log` replays the recorded drive itself."""
    world = make_world(episode)
    if planner == HUMAN:
        return replay_human(world)
    driver = load(planner)
    run = rollout(world, driver, loop)
    return replace(run, notes=tuple(f"{driver.name}: {note}" for note in notes_of(driver)))


def drive_all(
    episodes: Sequence[Episode],
    planners: Sequence[str],
    loop: Loop,
    workers: int,
    load: MakePlanner,
    finish: Callable[[Episode, Rollout], Any],
) -> Iterator[tuple[Episode, str, Any]]:
    """Every episode by every planner, in order. load and finish run in the worker that drives (so both must be importable);
    finish turns a drive into what is kept. A `Failed` stands for a drive that raised, or was lost with its worker twice."""
    jobs = [(episode, planner, loop, load, finish) for planner in planners for episode in episodes]
    # A planner may be silent for as long as it may think; a step of the world and its pictures come on top.
    kept = outcomes(_drive, jobs, workers, STUCK_S + loop.deadline_s)
    yield from ((job[0], job[1], result) for job, result in zip(jobs, kept, strict=True))


def _drive(job: tuple[Episode, str, Loop, MakePlanner, Callable[[Episode, Rollout], Any]]) -> Any:
    episode, planner, loop, load, finish = job
    return finish(episode, drive_episode(episode, planner, loop, load))
