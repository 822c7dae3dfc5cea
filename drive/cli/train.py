"""`drive train`: a run from its configuration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "train from a config, with --a.b value overrides"
OVERRIDES = True  # any value of the configuration may follow as --a.b value


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("config", type=Path, help="a YAML file, see configs/; any of its values can follow as --a.b value")
    verb.add_argument("--fresh", action="store_true", help="throw away what the run's folder holds and start over")


def run(args: argparse.Namespace) -> int:
    """`drive train CONFIG`."""
    from drive.config import load_config
    from drive.train.loop import Interrupted, NonFiniteLoss, train

    config = load_config(args.config, args.rest)
    try:
        run = train(config, args.fresh)
    except (Interrupted, NonFiniteLoss) as stop:
        print(f"drive train: {stop}", file=sys.stderr)
        return 130 if isinstance(stop, Interrupted) else 1
    if run.before:
        print(f"before: {run.before.describe()}")
    print(f"after:  {run.after.describe()}\nwritten: {run.checkpoint}, {run.report}")
    return 0
