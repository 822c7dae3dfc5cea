"""The rig that a run's network learns on, where that is one alone."""

from __future__ import annotations

from drive.cameras import Camera
from drive.config import DatasetConfig, RecordsConfig, RunConfig, TownsConfig
from drive.config.data import parts_of
from drive.model.config import ModelConfig
from drive.render.rigs import NARROW, RANDOM, load_rig

AS_THEY_ARE = ""


def only_rig(config: RunConfig) -> tuple[Camera, ...]:
    """The cameras that all data of all stages show, drawn by them or resampled into their views; () where there are other pictures,
    several rigs, or pictures that are moved or turned in training, so that others are not strange to the network."""
    if not isinstance(config.model, ModelConfig) or any(stage.jitter.shift or stage.jitter.turn_degrees for stage in config.stages):
        return ()
    rigs = {rig for stage in config.stages for part in parts_of(stage.data) for rig in _rigs(part.data)}
    if len(rigs) != 1 or rigs & {RANDOM, NARROW, AS_THEY_ARE}:
        return ()
    return load_rig(rigs.pop())


def _rigs(data: DatasetConfig | TownsConfig | RecordsConfig) -> set[str]:
    return {towns.recipe.rig for towns in data.towns} if isinstance(data, TownsConfig) else {data.views}
