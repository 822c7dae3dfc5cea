"""What makes two configurations one run: everything that changes the weights, however it is spelled."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

from drive.config import DatasetConfig, RecordsConfig, RunConfig, TownsConfig
from drive.config.data import expand, parts_of
from drive.make.recipe import UNUSED
from drive.values import differences, plain

# Where results go and how fast: none of it is seen by the weights. `steps` may grow (`drive.train.state`).
_OF_A_RUN = ("out", "device", "threads", "workers", "test")
_OF_A_STAGE = ("name", "steps", "flush_every")
_OF_TOWNS = ("folder", "workers")
# What came later is left out where it is not used, so that runs of before it go on.
_LATER_OF_CAMERA = {"geometry": "both", "mixing": 0}
_LATER_OF_INPUTS: dict[str, Any] = {"earlier": []}
_LATER_OF_RECIPE = UNUSED


def identity(config: RunConfig) -> dict[str, Any]:
    """The configuration as plain values, without what leaves the weights alone; files and folders by their real path."""
    values = plain(config)
    _drop(values, _OF_A_RUN)
    values["init"] = values["init"] and os.path.realpath(values["init"])
    for stage, own in zip(values["stages"], config.stages, strict=True):
        _drop(stage, _OF_A_STAGE)
        for name in own.objective.checkpoints:
            stage["objective"][name] = os.path.realpath(stage["objective"][name])
        stage["data"] = [{"weight": part.weight, "data": _data(part.data)} for part in parts_of(own.data)]
    return _without_later(values)


def _without_later(values: dict[str, Any]) -> dict[str, Any]:
    """An identity as it was before any of the fields that it does not use."""
    values = deepcopy(values)
    model = values.get("model", {})  # another kind of run has none
    _drop_unused(model.get("camera", {}), _LATER_OF_CAMERA)
    _drop_unused(model.get("inputs", {}), _LATER_OF_INPUTS)
    for part in (part for stage in values.get("stages", ()) for part in stage.get("data", ())):
        for towns in part["data"].get("towns", ()):
            _drop_unused(towns["recipe"], _LATER_OF_RECIPE)
    return values


def _data(data: DatasetConfig | TownsConfig | RecordsConfig) -> dict[str, Any]:
    values = plain(data)
    if isinstance(data, RecordsConfig):
        values["decisions"] = data.decisions and os.path.realpath(expand(data.decisions))
    if isinstance(data, DatasetConfig | RecordsConfig):
        values["root"] = os.path.realpath(expand(data.root))
        return values
    for towns in values["towns"]:
        _drop(towns, _OF_TOWNS)
        for name in ("rig", "taken_by"):
            rig = towns["recipe"][name]
            towns["recipe"][name] = os.path.realpath(rig) if Path(rig).is_file() else rig
    return values


def changes(before: dict[str, Any], config: RunConfig) -> str:
    """Where a configuration differs from another's identity, in one line; empty where it is the same run."""
    found = differences(_without_later(before), identity(config))
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _drop(values: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        del values[name]


def _drop_unused(values: dict[str, Any], later: dict[str, Any]) -> None:
    _drop(values, tuple(name for name, unused in later.items() if values.get(name) == unused))
