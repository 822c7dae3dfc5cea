"""The rig that a run's network learns on, where that is one alone."""

from __future__ import annotations

from drive.cameras import Camera
from drive.config import RunConfig, TownsConfig
from drive.config.data import parts_of
from drive.model.config import ModelConfig
from drive.render.rigs import load_rig

RANDOM = "random"


def only_rig(config: RunConfig) -> tuple[Camera, ...]:
    """The cameras of the towns that all stages are about; () where there are other data, several rigs, or pictures that are moved or
    turned in training, so that others are not strange to the network."""
    if not isinstance(config.model, ModelConfig) or any(stage.jitter.shift or stage.jitter.turn_degrees for stage in config.stages):
        return ()
    data = [part.data for stage in config.stages for part in parts_of(stage.data)]
    rigs = {towns.recipe.rig for one in data if isinstance(one, TownsConfig) for towns in one.towns}
    if len(rigs) != 1 or RANDOM in rigs or not all(isinstance(one, TownsConfig) for one in data):
        return ()
    return load_rig(rigs.pop())
