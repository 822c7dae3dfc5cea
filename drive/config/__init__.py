"""Run configuration: YAML values -> typed dataclasses -> overrides from the command line. A run is a tuple of stages."""

from drive.config.data import DataConfig, DatasetConfig, MixConfig, MixPart, RecordsConfig, TownData, TownsConfig, expand
from drive.config.load import load_config
from drive.config.objectives import NextTokenConfig, ObjectiveConfig, RegressionConfig, Thoughts
from drive.config.run import Jitter, NetworkConfig, RunConfig, Stage

__all__ = [
    "DataConfig",
    "DatasetConfig",
    "Jitter",
    "MixConfig",
    "NetworkConfig",
    "NextTokenConfig",
    "ObjectiveConfig",
    "MixPart",
    "RecordsConfig",
    "RegressionConfig",
    "RunConfig",
    "Stage",
    "Thoughts",
    "TownData",
    "TownsConfig",
    "expand",
    "load_config",
]
