"""A run and its stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from drive.config.data import DataConfig, DatasetConfig
from drive.config.objectives import NextTokenConfig, ObjectiveConfig
from drive.limits import HUGE, TINY, within
from drive.model.config import ModelConfig
from drive.model.ego_mlp import EgoMlpConfig
from drive.values import kind_or

NetworkConfig = Annotated[
    Annotated[ModelConfig, Tag("network")] | Annotated[EgoMlpConfig, Tag("ego-mlp")],
    Discriminator(kind_or("network")),
]


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
    """One part of a run.

    trainable: patterns of parameter names (`fnmatch`). learning_rate falls to zero along a cosine after warmup_steps.
    accumulate: a step's batch goes through the network in this many parts, one after the other: less memory, the same gradient.
    (Batch normalisation alone sees parts; with several ranks it sees the parts of all.)
    flush_every: steps between checkpoints that a resumed run starts from.
    """

    name: str = "fit"
    objective: ObjectiveConfig = field(default_factory=NextTokenConfig)
    data: DataConfig = field(default_factory=DatasetConfig)
    jitter: Jitter = field(default_factory=Jitter)
    steps: int = 500
    batch_size: int = 10
    accumulate: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 20
    clip_norm: float = 1.0
    trainable: tuple[str, ...] = ("*",)
    flush_every: int = 200

    def __post_init__(self) -> None:
        within(self, steps=(1, 10**9), batch_size=(1, 100_000), warmup_steps=(0, 10**9), flush_every=(1, 10**9))
        within(self, learning_rate=(0, HUGE), weight_decay=(0, HUGE), clip_norm=(TINY, HUGE), accumulate=(1, 100_000))
        if self.accumulate > self.batch_size:
            raise ValueError(f"Stage.accumulate must be at most batch_size ({self.batch_size}), got {self.accumulate}")
        if not self.name.isprintable() or not self.name or "/" in self.name:
            raise ValueError(f"Stage.name must be a word, the curves are named by it; got {self.name!r}")


@dataclass(frozen=True)
class RunConfig:
    """A whole run. out: folder for checkpoint, curves and report. test: data the finished planner is scored on (the last
    stage's own data where None). init: a checkpoint, or a shipped planner's name, to start from, of the same network;
    it may know fewer requests.

    device: "auto" takes a GPU where there is one. precision: of the arithmetic in the loss; weights and their updates stay
    float32. threads: of the CPU, 0 = torch's choice; on cores that others use too, two are slower than one. workers: processes
    that prepare samples ahead of their step, 0 = none. ema: what a step keeps of the average of weights, such as 0.999; the
    checkpoint then holds that average. 0 = no average.
    """

    out: str = "runs/default"
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = 0
    workers: int = 0
    ema: float = 0.0
    model: NetworkConfig = field(default_factory=ModelConfig)
    stages: tuple[Stage, ...] = (Stage(),)
    test: DataConfig | None = None
    init: str | None = None

    def __post_init__(self) -> None:
        within(self, seed=(0, 2**40), threads=(0, 1024), workers=(0, 1024), ema=(0, 1 - TINY))
        if not self.out or "\0" in self.out:
            raise ValueError(f"RunConfig.out must name a folder, got {self.out!r}")
        if not self.stages:
            raise ValueError("RunConfig.stages is empty: a run has one stage or more")
