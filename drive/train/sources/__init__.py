"""The sources of training samples, one file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drive.config import DatasetConfig, RecordsConfig, TownsConfig
from drive.train.sources.base import Needs, Source
from drive.train.sources.dataset import DatasetSamples
from drive.train.sources.records import RecordSamples
from drive.train.sources.towns import TownSamples, check_towns

__all__ = ["LARGE", "SOURCES", "DatasetSamples", "Needs", "RecordSamples", "Source", "TownSamples", "open_source"]

SOURCES: dict[type, Callable[[Any, Needs], Source]] = {
    DatasetConfig: DatasetSamples,
    TownsConfig: TownSamples,
    RecordsConfig: RecordSamples,
}
# Sources that are made, or fill the memory: looked at before a run begins, and opened where they are needed.
LARGE: dict[type, Callable[[Any, Needs], None]] = {TownsConfig: lambda data, needs: check_towns(data.towns, needs)}


def open_source(data: Any, needs: Needs) -> Source:
    """The source that a configuration names. Raises ValueError where it does not fit."""
    return SOURCES[type(data)](data, needs)
