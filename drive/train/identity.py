"""What makes two configurations one run: everything that changes the weights, however it is spelled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from drive.config import RunConfig
from drive.train.samples import expand
from drive.values import differences, plain

# Where results go and how fast: none of it is seen by the weights. `steps` may grow (`drive.train.state`).
_OF_A_RUN = ("out", "device", "threads", "test")
_OF_A_STAGE = ("name", "steps", "flush_every")
_OF_TOWNS = ("folder", "workers")


def identity(config: RunConfig) -> dict[str, Any]:
    """The configuration as plain values, without what leaves the weights alone; files and folders by their real path."""
    values = plain(config)
    _drop(values, _OF_A_RUN)
    values["init"] = values["init"] and os.path.realpath(values["init"])
    for stage in values["stages"]:
        _drop(stage, _OF_A_STAGE)
        data = stage["data"]
        data["root"] = None if data["towns"] else os.path.realpath(expand(data["root"]))
        for towns in data["towns"]:
            _drop(towns, _OF_TOWNS)
            rig = towns["recipe"]["rig"]
            towns["recipe"]["rig"] = os.path.realpath(rig) if Path(rig).is_file() else rig
    return values


def changes(before: dict[str, Any], config: RunConfig) -> str:
    """Where a configuration differs from another's identity, in one line; empty where it is the same run."""
    found = differences(before, identity(config))
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _drop(values: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        del values[name]
