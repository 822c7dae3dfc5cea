"""Planners by name: a checkpoint folder, a baseline, anybody's `module:Class`; and the contract they all keep."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drive.baselines import BASELINES
from drive.custom_planner import imported_planner
from drive.data.images import blackened
from drive.frames import Array
from drive.poses import axle_poses
from drive.progress import SILENT, Progress
from drive.schema import Observation, Plan, PlanError, Planner, SceneSample, Window
from drive.shipped import checkpoint_names, shipped_checkpoint
from drive.words import did_you_mean

if TYPE_CHECKING:
    from drive.decode.answer import Answer
    from drive.decode.engine import Engine
    from drive.decode.tables import GrammarTables
    from drive.model.ego_mlp import EgoMlp
    from drive.model.network import DrivingNetwork
    from drive.tasks import Task

    Decode = Callable[..., list[list[list[Answer]]]]

PRIVILEGED_NAMES, LOG = ("expert", "lane-follower"), "log"  # known in the simulator, and where a record is at hand
# Before a planner's name: the same planner, shown black pictures.
BLACK = "black:"


def load_planner(spec: str | Path, device: str = "auto") -> Planner:
    """A shipped planner's name, a checkpoint (its folder, or that of the run), a baseline's name, or `module:Class` (also of the current
    folder) -> a planner; `black:` before any of these shows it black pictures.

    Raises ValueError naming what was tried where it is none of these.
    """
    name = str(spec)
    if name in BASELINES:
        return BASELINES[name]()
    if name.startswith(BLACK):
        return BlackPictures(load_planner(name.removeprefix(BLACK), device))
    for folder in (Path(name), Path(name) / "checkpoint"):
        if (folder / "config.json").is_file() or folder.with_name(folder.name + ".old").is_dir():
            return checkpoint_planner(folder, device)
    if (shipped := shipped_checkpoint(name)) is not None:
        return checkpoint_planner(shipped, device)
    if Path(name).is_dir():
        raise ValueError(f"{name} holds no checkpoint (config.json, model.safetensors)")
    if ":" in name:
        planner = imported_planner(name)
        if not callable(getattr(planner, "plan", None)):
            raise ValueError(f"planner {name!r} plans in the simulator alone: it has `plan_in_world` and no `plan(observation)`")
        return planner
    known = [*checkpoint_names(), *sorted(BASELINES)]
    near = did_you_mean(name, [*known, *PRIVILEGED_NAMES, LOG])
    raise ValueError(f"no planner {name!r}: not a checkpoint folder, not module:Class, and not one of {', '.join(known)}{near}")


def load_sim_planner(name: str) -> Any:
    """A privileged planner of the simulator, or whatever `load_planner` makes of the name.

    Raises ValueError where it is none.
    """
    from drive.expert.expert import PRIVILEGED

    if name in PRIVILEGED:
        return PRIVILEGED[name]()
    if ":" in name and not name.startswith(BLACK) and not Path(name).is_dir():
        return imported_planner(name)
    try:
        return load_planner(name)
    except ValueError as error:
        if name.startswith(BLACK):
            raise
        raise ValueError(f"{error} (in the simulator also {', '.join(sorted(PRIVILEGED))}, log)") from error


def checkpoint_planner(folder: str | Path, device: str = "auto") -> Planner:
    """The planner of a checkpoint folder (`drive.checkpoint`)."""
    import torch

    from drive.checkpoint import is_ego_mlp, load_checkpoint, load_ego_mlp

    path = Path(folder).resolve()
    name = path.parent.name if path.name == "checkpoint" else path.name
    if is_ego_mlp(folder):
        return EgoMlpPlanner(load_ego_mlp(folder), name)
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network, _ = load_checkpoint(folder, chosen)
    return NetworkPlanner(network, name)


@dataclass(eq=False)
class NetworkPlanner:
    """A network as a planner. seed: of the samples drawn, which are the same for the same observation. temperature: of the
    draw. request: which of the network's requests answers, its first by default."""

    network: DrivingNetwork
    name: str = "network"
    seed: int = 0
    temperature: float = 1.0
    request: str | None = None
    pictures = True

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras that it looks at; empty: whatever there is."""
        return self.network.config.inputs.cameras

    @property
    def window(self) -> Window:
        """Past, future and frames that the network was built for; whoever opens data for it passes this on."""
        return self.network.config.window

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """Decodes `samples` trajectories. One is the greedy answer; of several, the most central comes first.

        Raises PlanError (MissingImage, DecodeError) where there is no answer.
        """
        return self.plan_batch([observation], samples)[0]

    def plan_batch(self, observations: Sequence[Observation], samples: int = 1) -> list[Plan]:
        """Several observations at once; greedy answers equal those of `plan`."""

        return self._plans(observations, samples, self._engine.decode)

    def _plans(self, observations: Sequence[Observation], samples: int, decode: Decode) -> list[Plan]:
        import torch

        from drive.model.inputs import collate, prepare

        if samples < 1:
            raise ValueError(f"samples must be 1 or more, got {samples}")
        config, (task, request_id, tables) = self.network.config, self._asked
        device = next(self.network.parameters()).device
        batch = collate([prepare(observation, config) for observation in observations]).to(device)
        with torch.inference_mode():
            cache = self.network.prefix(batch)
        generator = torch.Generator().manual_seed(self.seed)
        answers = decode(cache, [request_id], tables, samples, self.temperature, generator)
        return [_plan([task.decode(a.ids) for a in row[0]], row[0], config.window.future_times_s) for row in answers]

    @cached_property
    def _engine(self) -> Engine:
        from drive.decode.engine import Engine

        return Engine(self.network)

    @cached_property
    def _asked(self) -> tuple[Task, int, GrammarTables]:
        """The task that is asked, its request's id, and the tables of its grammar; made once."""
        from drive.decode.tables import grammar_tables
        from drive.tasks import canonical, make_task

        config = self.network.config
        request = canonical(self.request or config.requests[0])
        task = make_task(request, config.vocabulary, config.window)
        tables = grammar_tables([task.grammar], config.vocabulary.size, next(self.network.parameters()).device)
        return task, config.vocabulary.request_id(request), tables

    def attention(self, observation: Observation) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
        """Who attends to whom while `plan(observation)` runs: the masks in use as a table [N, N], and a name for each token.

        Raises PlanError where there is no answer.
        """
        from drive.decode import reference
        from drive.model.attention import recorded_masks, whole_table
        from drive.model.inputs import prepare

        with recorded_masks(self.network) as masks:
            self._plans([observation], 1, partial(reference.decode, self.network))
        table, cameras = whole_table(masks), prepare(observation, self.network.config).cameras
        names = [camera.name for camera in max(cameras, key=len)]
        prefix = self.network.prefix_sequence(len(cameras), names).labels
        return table, prefix + (self.request or self.network.config.requests[0],) * (len(table) - len(prefix))


@dataclass(eq=False)
class EgoMlpPlanner:
    """The blind floor as a planner: speed, acceleration, yaw rate and command in, one trajectory out."""

    network: EgoMlp
    name: str = "ego-mlp"
    pictures = False

    @property
    def window(self) -> Window:
        """As of `NetworkPlanner`."""
        return self.network.config.window

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The one answer, `samples` times. Raises PlanError where other times are asked for."""
        import torch

        from drive.model.ego_mlp import ego_features

        times = self.window.future_times_s
        if not np.array_equal(observation.future_times_s, times):
            raise PlanError(f"this network plans at {times.tolist()} s, asked for {observation.future_times_s.tolist()}")
        with torch.inference_mode():
            xy = self.network(torch.from_numpy(ego_features(observation))[None])[0].double().numpy()
        return Plan(np.repeat(axle_poses(xy)[None], samples, axis=0), times)

    def plan_batch(self, observations: Sequence[Observation], samples: int = 1) -> list[Plan]:
        """Several observations, one by one."""
        return [self.plan(observation, samples) for observation in observations]


class BlackPictures:
    """Any planner, shown black pictures: what it still does well it does not owe to sight."""

    def __init__(self, planner: Planner) -> None:
        self.planner, self.name = planner, f"{planner.name}-black"
        self.window: Window = getattr(planner, "window", Window())
        self.pictures, self.camera_names = getattr(planner, "pictures", None), getattr(planner, "camera_names", ())

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to the blackened observation."""
        return self.planner.plan(blackened(observation), samples)


def common_window(planners: Sequence[Planner]) -> Window:
    """The window that data must be opened with for these planners; those without a `window` take any.

    Raises ValueError where two want different ones.
    """
    windows = {planner.name: planner.window for planner in planners if hasattr(planner, "window")}
    if len(set(windows.values())) > 1:
        raise ValueError(f"these planners need different windows, so score them one by one: {windows}")
    return next(iter(windows.values()), Window())


def plan_all(
    plan_of: Callable[[SceneSample], Plan],
    dataset: Iterable[SceneSample],
    progress: Progress = SILENT,
    tracebacks: dict[str, str] | None = None,
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Plans of every sample -> (token -> Plan, token -> reason why there is none: whatever a planner raises fails its sample).

    tracebacks: filled with those of errors that are no PlanError, by token.
    """
    plans, errors = {}, {}
    for sample in dataset:
        try:
            plans[sample.token] = plan_of(sample)
        except PlanError as error:
            errors[sample.token] = str(error)
        except Exception as error:
            errors[sample.token] = f"{type(error).__name__}: {error}"
            if tracebacks is not None:
                tracebacks[sample.token] = traceback.format_exc()
        progress.done()
    return plans, errors


def most_central_first(trajectories: Array) -> np.ndarray:
    """Order [K] of trajectories [K, T, 3] by mean distance (over steps, then over the others) to the others, least first.

    EMMA's choice among samples (arXiv 2410.23262, section 3.1 asks for the mode; the medoid is its robust form). Ties keep order.
    """
    xy = trajectories[..., :2]
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=-1).mean(-1)
    return np.argsort(distance.mean(-1), kind="stable")


def _plan(trajectories: list[Array], answers: list[Answer], times_s: Array) -> Plan:
    stacked = np.stack(trajectories)
    order = most_central_first(stacked)
    return Plan(stacked[order], times_s, np.array([answers[k].log_prob for k in order]))


def check_planner(planner: Any, observations: Sequence[Observation]) -> None:
    """Tests anybody's planner against the contract of `drive.schema.Planner` on some observations.

    Checked: name; answers are finite `Plan`s at the asked times with as many trajectories as asked for; the same
    observation gets the same plan, also after others; observations are left as they were; PlanError is the only refusal.
    Raises ValueError naming the first breach, with the observation's token.
    """
    if not isinstance(planner, Planner) or not isinstance(planner.name, str) or not planner.name:
        raise ValueError("a planner needs a non-empty `name` and a method `plan(observation, samples=1)`")
    if not observations:
        raise ValueError("check_planner needs at least one observation")
    first = [_answer(planner, o, 1) for o in observations]
    if all(plan is None for plan in first):
        raise ValueError(f"{planner.name} refused every observation with PlanError: nothing to check")
    for observation, plan in zip(observations, first, strict=True):
        again = _answer(planner, observation, 1)
        if (plan is None) != (again is None) or (plan and again and not np.array_equal(plan.trajectories, again.trajectories)):
            raise ValueError(f"{planner.name}: {observation.token} got another plan the second time; a planner keeps no state")
        _answer(planner, observation, 3)


def _answer(planner: Planner, observation: Observation, samples: int) -> Plan | None:
    before = _fingerprint(observation)
    try:
        plan = planner.plan(observation, samples=samples)
    except PlanError:
        return None
    except Exception as error:
        raise ValueError(f"{planner.name}: {observation.token} raised {type(error).__name__} ({error}); refuse with PlanError") from error
    where = f"{planner.name}: {observation.token}"
    if _fingerprint(observation) != before:
        raise ValueError(f"{where}: the observation was changed; copy before writing")
    if not isinstance(plan, Plan):
        raise ValueError(f"{where}: expected a drive.Plan, got {type(plan).__name__}")
    if len(plan.trajectories) != samples:
        raise ValueError(f"{where}: asked for {samples} trajectories, got {len(plan.trajectories)}")
    if plan.times_s.shape != observation.future_times_s.shape or not np.allclose(plan.times_s, observation.future_times_s):
        raise ValueError(f"{where}: asked for times {observation.future_times_s.tolist()}, got {plan.times_s.tolist()}")
    return plan


def _fingerprint(observation: Observation) -> bytes:
    past = observation.past
    arrays: list[np.ndarray] = [past.poses, past.times_s, past.valid, observation.future_times_s]
    for frame in observation.frames:
        for view in frame.cameras:
            arrays += [view.camera.K, view.camera.ego_from_camera]
            if isinstance(view.image, np.ndarray):
                arrays.append(view.image)
    return b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
