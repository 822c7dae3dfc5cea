"""Run configuration: YAML values -> typed dataclasses -> overrides from the command line. A run is a tuple of stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from drive.data.plain_yaml import MAX_DEPTH, parse_yaml, read_yaml
from drive.limits import HUGE, TINY, within
from drive.make.recipe import Recipe
from drive.model.config import ModelConfig
from drive.values import from_values


@dataclass(frozen=True)
class TownData:
    """Demonstrations in rendered towns (`drive.make.shards`): `count` towns from seed `first` on, made in `folder` by `workers`
    processes where they are missing."""

    first: int
    count: int
    folder: str = "runs/towns"
    workers: int = 1
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        within(self, first=(0, 2**40), count=(1, 10_000_000), workers=(1, 1024))


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

    def __post_init__(self) -> None:
        within(self, yaw_margin_degrees=(0, 45))
        if any(not -45 <= turn <= 45 for turn in self.yaw_degrees):
            raise ValueError(f"DataConfig.yaw_degrees must be -45 to 45, got {list(self.yaw_degrees)}")


@dataclass(frozen=True)
class Jitter:
    """Random variants of every training example (`drive.train.jitter`): shift of the pictures as a fraction of their size,
    turn of the ego frame in degrees, change of brightness as a fraction; each up to this much, 0 = none."""

    shift: float = 0.0
    turn_degrees: float = 0.0
    brightness: float = 0.0

    def __post_init__(self) -> None:
        within(self, shift=(0, 1), turn_degrees=(0, 180), brightness=(0, 1))


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

    def __post_init__(self) -> None:
        within(self, steps=(1, 10**9), batch_size=(1, 100_000), warmup_steps=(0, 10**9), flush_every=(1, 10**9))
        within(self, learning_rate=(0, HUGE), weight_decay=(0, HUGE), clip_norm=(TINY, HUGE))
        within(self, metre_sigma=(0, 10_000), answer_noise_m=(0, 10_000))
        if not self.name.isprintable() or not self.name or "/" in self.name:
            raise ValueError(f"Stage.name must be a word, the curves are named by it; got {self.name!r}")


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

    def __post_init__(self) -> None:
        within(self, seed=(0, 2**40), threads=(0, 1024))
        if not self.out or "\0" in self.out:
            raise ValueError(f"RunConfig.out must name a folder, got {self.out!r}")
        if not self.stages:
            raise ValueError("RunConfig.stages is empty: a run has one stage or more")
        for stage in self.stages:
            if stage.jitter.turn_degrees and (self.model.inputs.history or self.model.inputs.dynamics):
                told = "jitter.turn_degrees turns the ego frame under the car; leave out history and dynamics"
                raise ValueError(f"stage {stage.name!r}: {told}")


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """A YAML file and overrides such as ["--model.camera.width", "448", "--stages.0.steps", "100"] -> configuration.

    Raises ValueError naming file and key where a key is unknown or a value has the wrong type, FileNotFoundError where
    there is no such file.
    """
    values = read_yaml(path) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}")
    for key, value in _pairs(overrides):
        _assign(values, key.split(".", MAX_DEPTH), parse_yaml(value, f"--{key}"), key)
    return from_values(RunConfig, values, str(path))


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
    elif isinstance(values, dict):
        index = head
    else:
        raise ValueError(f"--{key}: nothing lies below {values!r}, so there is no {head!r}")
    if not rest:
        values[index] = value
        return
    if isinstance(values, dict):
        values.setdefault(index, {})
    _assign(values[index], rest, value, key)
