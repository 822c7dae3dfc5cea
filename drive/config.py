"""Run configuration: YAML values -> typed dataclasses -> overrides from the command line. A run is a tuple of stages."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import yaml

from drive.make.recipe import Recipe
from drive.model.config import ModelConfig

T = TypeVar("T")


@dataclass(frozen=True)
class TownData:
    """Demonstrations in rendered towns (`drive.make.shards`): `count` towns from seed `first` on, made in `folder` by `workers`
    processes where they are missing."""

    first: int
    count: int
    folder: str = "runs/towns"
    workers: int = 1
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class DataConfig:
    """Samples to train or test on: those with a whole recorded future, or demonstrations in towns where `towns` names any.

    root: data set folder; `$NAME/` at its start is an environment variable (`$DRIVE_REAL/pandaset-002`). split: as for
    `open_dataset`. black: replace every picture by a black one (what is learned then was not read from pixels).
    yaw_degrees: show each sample once for every angle, pictures and target turned by it (`drive.data.yaw`); empty = as it is.
    yaw_margin_degrees: pictures are cropped so that a turn by this much leaves no border (only where yaw_degrees is given).
    """

    root: str = "data/mini"
    version: str | None = None
    split: str | None = None
    black: bool = False
    yaw_degrees: tuple[float, ...] = ()
    yaw_margin_degrees: float = 8.0
    towns: tuple[TownData, ...] = ()


@dataclass(frozen=True)
class Jitter:
    """Random variants of every training example (`drive.train.jitter`): shift of the pictures as a fraction of their size,
    turn of the ego frame in degrees, change of brightness as a fraction; each up to this much, 0 = none."""

    shift: float = 0.0
    turn_degrees: float = 0.0
    brightness: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One part of a run. objective: "next-token" = cross entropy on the answer's tokens, within its grammar.

    trainable: patterns of parameter names (`fnmatch`). learning_rate falls to zero along a cosine after warmup_steps.
    metre_sigma: width in metres of the bell around the right metre token that it shares its probability with, 0 = none.
    answer_noise_m: standard deviation in metres of what is added to the answer's metre tokens where they are inputs of the next
    ones: a plan that could be told from its own exact beginning would not be read from the pictures.
    flush_every: steps between checkpoints that a resumed run starts from.
    """

    name: str = "fit"
    objective: Literal["next-token"] = "next-token"
    data: DataConfig = field(default_factory=DataConfig)
    jitter: Jitter = field(default_factory=Jitter)
    steps: int = 500
    batch_size: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 20
    clip_norm: float = 1.0
    metre_sigma: float = 0.0
    answer_noise_m: float = 0.0
    trainable: tuple[str, ...] = ("*",)
    flush_every: int = 200


@dataclass(frozen=True)
class RunConfig:
    """A whole run. out: folder for checkpoint, curves and report. test: data the finished planner is scored on (the last
    stage's own data where None). init: a checkpoint of the same network to start from. device: "auto" takes a GPU where there
    is one. threads: of the CPU, 0 = torch's choice; on cores that others use too, two are slower than one."""

    out: str = "runs/default"
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    stages: tuple[Stage, ...] = (Stage(),)
    test: DataConfig | None = None
    init: str | None = None


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """A YAML file and overrides such as ["--model.camera.width", "448", "--stages.0.steps", "100"] -> configuration.

    Raises ValueError naming file and key where a key is unknown or a value has the wrong type, FileNotFoundError where
    there is no such file.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}")
    for key, value in _pairs(overrides):
        _assign(values, key.split("."), yaml.safe_load(value), key)
    return from_values(RunConfig, values, str(path))


def from_values(kind: type[T], values: dict[str, Any], source: str) -> T:
    """Plain values -> a dataclass, checked; unknown keys are refused. Raises ValueError naming source and key."""
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown_keys(kind)
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']} (got {e['input']!r})" for e in error.errors()]
        raise ValueError(f"{source}: " + "; ".join(lines)) from error


def _refuse_unknown_keys(kind: Any) -> None:
    """Tell pydantic to refuse keys that a dataclass, or one it is made of, does not have."""
    if dataclasses.is_dataclass(kind):
        kind.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined, union-attr]
        for part in get_type_hints(kind).values():
            _refuse_unknown_keys(part)
    for part in get_args(kind):
        _refuse_unknown_keys(part)


def to_json(config: Any) -> str:
    """A configuration dataclass as JSON text."""
    return json.dumps(dataclasses.asdict(config), indent=2)


def _pairs(overrides: Sequence[str]) -> list[tuple[str, str]]:
    if len(overrides) % 2 or any(not key.startswith("--") for key in overrides[::2]):
        raise ValueError(f"overrides come as --key value pairs, got {' '.join(overrides)}")
    return [(key[2:], value) for key, value in zip(overrides[::2], overrides[1::2], strict=True)]


def _assign(values: Any, path: list[str], value: Any, key: str) -> None:
    """values.a.0.b = value, making mappings on the way; a list is only indexed where it is there."""
    head, *rest = path
    if isinstance(values, list):
        if not head.isdigit() or int(head) >= len(values):
            raise ValueError(f"--{key}: {head!r} is no index of a list of {len(values)}")
        index: Any = int(head)
    else:
        index = head
    if not rest:
        values[index] = value
        return
    if isinstance(values, dict):
        values.setdefault(index, {})
    _assign(values[index], rest, value, key)
