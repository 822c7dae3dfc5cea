"""Makes demonstrations in towns that no configuration learns from, by the recipe of a training run, for `drive eval FOLDER --tasks`; with
--training, in towns to learn from, for `drive pack`.

    python tools/make_test_towns.py configs/NAME.yaml runs/test-towns --count 20 --workers 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.config import TownsConfig
from drive.config.data import parts_of
from drive.config.load import load_config
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.make.shards import make_shards
from drive.planners.load import load_planner


def recipe_of(path: Path) -> Recipe:
    """The recipe of the first towns that a configuration trains on. Raises ValueError where it trains on none."""
    for stage in load_config(path).stages:
        for part in parts_of(stage.data):
            if isinstance(part.data, TownsConfig):
                return part.data.towns[0].recipe
    raise ValueError(f"{path} trains on no towns")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=FIRST_TEST_TOWN)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--training", action="store_true", help="towns below those of tests")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.count)
    make_shards(args.folder, recipe_of(args.config), seeds, args.workers, load_planner, tests=not args.training)
    print(f"{args.count} towns in {args.folder}")


if __name__ == "__main__":
    main()
