"""Trains the blind floor on the data of a run's configuration.

    python tools/train_ego_mlp.py configs/first-drive.yaml data/checkpoints/ego-mlp
"""

from __future__ import annotations

import sys
from pathlib import Path

from drive.config import load_config
from drive.train.ego_mlp import train_ego_mlp


def main(config: str, folder: str, *overrides: str) -> None:
    """overrides: as for `drive train`."""
    fit = train_ego_mlp(load_config(config, overrides), Path(folder))
    print(f"{folder}: {fit.describe()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
