"""How many samples a second a run's last stage learns from, and what of a step goes where."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drive.config import RunConfig, Stage, TownData, TownsConfig
from drive.config.data import parts_of
from drive.config.load import load_config
from drive.model.config import ModelConfig
from drive.train.loader import Steps
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.objectives import STUDENT, make_objective
from drive.train.optim import make_optimizer

SEED = 10_000  # of the town that is made for it
WARM, MEASURED = 2, 5  # steps
PARTS = ("samples", "forward", "backward", "update")


@dataclass(frozen=True)
class TrainBench:
    """parts_s: CPU seconds of one thread that each of `PARTS` takes of a step of `batch` samples; backbone_s: forward and backward of the
    step's pictures through the backbone alone, which is in both."""

    name: str
    backbone: str
    batch: int
    pictures: int
    parts_s: dict[str, float]
    backbone_s: float

    @property
    def step_s(self) -> float:
        """A whole step."""
        return sum(self.parts_s.values())

    @property
    def pace(self) -> float:
        """Samples a second."""
        return self.batch / self.step_s

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        values = self.parts_s | {"step": self.step_s, "backbone": self.backbone_s}
        told = [{"metric": name, "value": value, "unit": "s", "backbone": self.backbone} for name, value in values.items()]
        return [*told, {"metric": "pace", "value": self.pace, "unit": "1/s", "backbone": self.backbone}]

    def __str__(self) -> str:
        head = f"{self.name}, {self.backbone}: a step of {self.batch} samples with {self.pictures} pictures; one thread, CPU time"
        lines = [f"  {name:<9}{1e3 * value:8.0f} ms {100 * value / self.step_s:5.0f} %" for name, value in self.parts_s.items()]
        whole = f"{self.pace:.1f} samples/s; {100 * self.backbone_s / self.step_s:.0f} % goes through the backbone"
        return "\n".join([head, *lines, f"  {'step':<9}{1e3 * self.step_s:8.0f} ms   {whole}"])


def bench_train(path: Path, backbones: tuple[str, ...] = ()) -> list[TrainBench]:
    """The last stage of a configuration on the states of one town, which is made for it: with its own backbone, and with others of timm.

    Weights are random: they cost what others do. Raises ValueError where it is of no network that sees, or that stage learns from no towns.
    """
    config = load_config(path)
    if not isinstance(config.model, ModelConfig):
        raise ValueError(f"drive bench train measures networks that see; {path} trains none")
    threads, camera = torch.get_num_threads(), config.model.camera
    models = [replace(config.model, camera=replace(camera, backbone=name)) for name in (camera.backbone, *backbones)]
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            stage = bench_stage(config, folder)
            return [_measured(path.stem, config.seed, model, stage) for model in models]
    finally:
        torch.set_num_threads(threads)


def bench_stage(config: RunConfig, folder: str) -> Stage:
    """The last stage, on one busy town made by its recipe, driven as traffic drives."""
    stage = config.stages[-1]
    recipes = [part.data.towns[0].recipe for part in parts_of(stage.data) if isinstance(part.data, TownsConfig)]
    if not recipes:
        raise ValueError(f"drive bench train makes a town to learn from; stage {stage.name!r} learns from none")
    town = TownData(first=SEED, count=1, folder=folder, recipe=replace(recipes[0], driver="", empty_share=0.0))
    return replace(stage, data=TownsConfig((town,)))


def _measured(name: str, seed: int, model: ModelConfig, stage: Stage) -> TrainBench:
    torch.manual_seed(seed)
    kind, network = kind_of(model), kind_of(model).build(model).train()
    objective = make_objective(stage.objective, model, torch.device("cpu"))
    steps, optimizer = Steps(open_mix(stage.data, kind.needs(model)), objective, stage, seed), make_optimizer(network, stage)
    for step in range(WARM):
        _step(steps, step, network, objective, optimizer)
    taken = [_step(steps, step, network, objective, optimizer) for step in range(WARM, WARM + MEASURED)]
    images = torch.cat([pictures.images for batch in steps[WARM] for pictures in batch.inputs.parts["camera"].sizes])
    backbone_s = min(_seconds(lambda: _through(network.sensors["camera"].backbone, images))[0] for _ in range(MEASURED))
    parts = {part: min(one[part] for one in taken) for part in PARTS}
    return TrainBench(name, model.camera.backbone, stage.batch_size, len(images), parts, backbone_s)


def _step(steps: Steps, step: int, network: nn.Module, objective: Any, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """A step as `drive.train.step.Update` takes it, by its parts."""
    samples_s, batches = _seconds(lambda: steps[step])
    generator = torch.Generator().manual_seed(step)
    forward_s, losses = _seconds(lambda: [objective.loss({STUDENT: network}, batch, generator)[0] for batch in batches])
    backward_s, _ = _seconds(lambda: [loss.backward() for loss in losses])
    update_s, _ = _seconds(optimizer.step)
    optimizer.zero_grad()
    return dict(zip(PARTS, (samples_s, forward_s, backward_s, update_s), strict=True))


def _through(backbone: nn.Module, images: Tensor) -> None:
    seen = backbone(images.float().contiguous(memory_format=torch.channels_last))[-1].sum()
    if seen.requires_grad:
        seen.backward()


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds that something takes, and what it gives."""
    began = time.process_time()
    value = work()
    return time.process_time() - began, value
