"""`drive.simulate`: closed-loop drives from plain values, the same that `drive sim` makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from drive.asking import require_plans
from drive.outputs import writable_folder
from drive.planners.custom import completed
from drive.planners.load import LOG, load_sim_planner
from drive.progress import SILENT, Progress
from drive.sim.report import SimReport
from drive.sim.rollout import Loop
from drive.sim.sight import Sight, require_probe, require_sight
from drive.sim.simulate import choose_episodes, run_episodes
from drive.world.town.scenarios import FAMILIES

ALL = "all"


def simulate(
    sources: str | Sequence[str],
    planners: Any,
    episodes: int = 10,
    seed: int = 0,
    *,
    families: str | Sequence[str] = "ordinary",
    traffic: str | None = None,
    rig: str | None = None,
    rig_width: int | None = None,
    weather: str | None = None,
    planning_hz: float = 5.0,
    latency_s: float = 0.0,
    deadline_s: float = 30.0,
    workers: int = 1,
    out: str | Path | None = None,
    videos: int = 6,
    probe: bool = False,
    progress: Progress = SILENT,
) -> SimReport:
    """Drives planners through episodes and scores them; every planner drives the same ones.

    sources: "town", "village", "country", ScenarioNet files or folders of data sets. planners: names as for `load_planner`, "expert",
    "lane-follower", "log", or objects with `plan` (one worker). episodes: of each family and town, or scenes of a data set, from number
    `seed` on. families: names, or "all". rig, rig_width in pixels, weather: the car's cameras, none without a rig. out: a folder for
    report.json, the page with `videos` videos, and replayable drives. probe: one planner drives the towns again with black pictures, with
    another town's, with mounts told wrong and with red lights shown green (`drive.sim.shown`); the report then is a `ProbeReport`.

    Raises ValueError, before anything is driven, where one of these is none, two planners have one name, or one gives no plans or needs
    cameras that are not there, and FileNotFoundError for a file that is not there. A planner that fails in an episode fails that episode.
    """
    if rig is None and (weather or rig_width):
        raise ValueError(f"weather and rig_width are of a rig's pictures, got {weather!r} and {rig_width!r} without a rig: give `rig` too")
    folder = None if out is None else Path(out)
    if folder is not None:
        writable_folder(folder)
    wanted = ["ordinary", *FAMILIES] if families == ALL else _listed(families)
    chosen = choose_episodes(_listed(sources), episodes, seed, wanted, traffic)
    sight = Sight(rig, rig_width, weather or "day") if rig else None
    names, load = _loader(_listed(planners), workers)
    if probe and (len(names) != 1 or LOG in names or any(episode.source != "town" for episode in chosen)):
        raise ValueError(f"a probe is of one planner in towns, got {', '.join(names)} in {', '.join(map(str, _listed(sources)))}")
    progress.begin(f"loading {', '.join(names)}")
    called: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if name != LOG:
            planner = load(name)
            require_plans([planner])
            if (other := called.setdefault(planner.name, name)) != name:
                raise ValueError(f"{other} and {name} are both called {planner.name!r}: drive them in two runs, or none can be told apart")
            require_sight(planner, sight)
            if probe:
                require_probe(planner, sight)
            if workers > 1 and callable(close := getattr(planner, "close", None)):
                close()  # a process of its own: each worker starts one
    loop = Loop(planning_hz, latency_s, deadline_s, sight=sight)
    return run_episodes(chosen, names, load, loop, workers, folder, videos, progress, probe)


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _loader(planners: list[Any], workers: int) -> tuple[list[str], Any]:
    """Names, and what gives a planner of a name: an object given, or what is loaded by it."""
    whole = [one if isinstance(one, str | Path) else completed(one, type(one).__name__) for one in planners]
    objects = {one.name: one for one in whole if not isinstance(one, str | Path)}
    if objects and workers > 1:
        raise ValueError(f"planners given as objects drive in one process, got workers={workers}: name them as module:Class")
    names = [str(one) if isinstance(one, str | Path) else one.name for one in whole]
    if not names or (objects and len(set(names)) < len(names)):
        raise ValueError(f"need planners, of different names where they are objects, got {', '.join(names) or 'none'}")
    return names, partial(_given_or_loaded, objects) if objects else load_sim_planner


def _given_or_loaded(objects: dict[str, Any], name: str) -> Any:
    return objects[name] if name in objects else load_sim_planner(name)
