"""Planners by name: a shipped one, a checkpoint folder, a baseline, anybody's `module:Class`, process or server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drive.baselines import BASELINES
from drive.planners.custom import imported_planner
from drive.planners.remote.planner import is_remote, remote_planner
from drive.planners.wrapped import LESS, WATCHFUL, wrapper_of
from drive.schema import Planner
from drive.shipped import checkpoint_names, shipped_checkpoint
from drive.words import did_you_mean

PRIVILEGED_NAMES, LOG = ("expert", "visible-expert", "lane-follower"), "log"  # known in the simulator, and where a record is at hand


def load_planner(spec: str | Path, device: str = "auto") -> Planner:
    """A shipped planner's name, a checkpoint (its folder, or that of the run), a baseline's name, `module:Class` (also of the current
    folder), `exec:COMMAND` or `http://HOST:PORT` (docs/own-planner.md) -> a planner; `black:` before any of these shows it black pictures,
    `newest:` those of t0 alone; `heedful:` keeps its plans behind who it states ahead; `watchful:` watches over what it is shown,
    `blurred-2:` corrupts that (docs/degraded.md), `own-views:` leaves other rigs' as they are (docs/other-rigs.md).

    Raises ValueError naming what was tried where it is none of these.
    """
    name = str(spec)
    if name in BASELINES:
        return BASELINES[name]()
    if (wrapped := wrapper_of(name)) is not None:
        return wrapped[0](load_planner(wrapped[1], device))
    if is_remote(name):
        return remote_planner(name)
    for folder in (Path(name), Path(name) / "checkpoint"):
        if (folder / "config.json").is_file() or folder.with_name(folder.name + ".old").is_dir():
            return checkpoint_planner(folder, device)
    if (shipped := shipped_checkpoint(name)) is not None:
        return checkpoint_planner(shipped, device)
    if Path(name).is_dir():
        raise ValueError(f"{name} holds no checkpoint (config.json, model.safetensors)")
    if name in PRIVILEGED_NAMES:
        raise ValueError(f"planner {name!r} is shown the world itself, not pictures: it drives in the simulator alone, under its bare name")
    if ":" in name:
        planner = imported_planner(name)
        if not callable(getattr(planner, "plan", None)):
            raise ValueError(f"planner {name!r} plans in the simulator alone: it has `plan_in_world` and no `plan(observation)`")
        return planner
    known = [*checkpoint_names(), *sorted(BASELINES)]
    near = _as_tables_say(name) or did_you_mean(name, [*known, *PRIVILEGED_NAMES, LOG])
    raise ValueError(f"no planner {name!r}: not a checkpoint folder, not module:Class, and not one of {', '.join(known)}{near}")


def _as_tables_say(name: str) -> str:
    """What was meant by a wrapped planner's own name, which reports print."""
    inner, _, word = name.rpartition("-")
    return f"; did you mean {word}:{inner}?" if word in (*LESS, WATCHFUL) and shipped_checkpoint(inner) is not None else ""


def load_sim_planner(name: str) -> Any:
    """A privileged planner of the simulator, or whatever `load_planner` makes of the name.

    Raises ValueError where it is none.
    """
    from drive.expert.privileged import PRIVILEGED

    if name in PRIVILEGED:
        return PRIVILEGED[name]()
    if ":" in name and wrapper_of(name) is None and not is_remote(name) and not Path(name).is_dir():
        return imported_planner(name)
    try:
        return load_planner(name)
    except ValueError as error:
        if wrapper_of(name) is not None or is_remote(name):
            raise
        raise ValueError(f"{error} (in the simulator also {', '.join(sorted(PRIVILEGED))}, log)") from error


def checkpoint_planner(folder: str | Path, device: str = "auto", folded: bool = False) -> Planner:
    """The planner of a checkpoint folder (`drive.checkpoint`). folded: batch norms go into convolutions (`drive.model.fold`): the camera
    encoder takes a quarter less time, and where two tokens are all but equally likely the other may be taken."""
    import torch

    from drive.checkpoint import is_ego_mlp, load_checkpoint, load_ego_mlp, load_rig_of
    from drive.planners.ego_mlp import EgoMlpPlanner
    from drive.planners.network import NetworkPlanner

    path = Path(folder).resolve()
    name = path.parent.name if path.name == "checkpoint" else path.name
    if is_ego_mlp(folder):
        return EgoMlpPlanner(load_ego_mlp(folder), name)
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network, _ = load_checkpoint(folder, chosen)
    return NetworkPlanner(network.for_inference() if folded else network, name, rig=load_rig_of(folder))
