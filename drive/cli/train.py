"""`drive train`: a run from its configuration."""

from __future__ import annotations

import argparse
import sys

HELP = "train from a config, with --a.b value overrides"
OVERRIDES = True  # any value of the configuration may follow as --a.b value


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    told = "a YAML file, or the name of a shipped one (first-drive); any of its values can follow as --a.b value"
    verb.add_argument("config", help=told)
    verb.add_argument("--fresh", action="store_true", help="throw away what the run's folder holds and start over")


def run(args: argparse.Namespace) -> int:
    """`drive train CONFIG`."""
    file = _file(args.config)
    args.progress.begin("loading")
    from drive.config import load_config
    from drive.train.loop import Interrupted, NonFiniteLoss, train

    config = load_config(file, args.rest)
    args.progress.end()
    try:
        run = train(config, args.fresh)
    except (Interrupted, NonFiniteLoss) as stop:
        print(f"drive train: {stop}", file=sys.stderr)
        return 130 if isinstance(stop, Interrupted) else 1
    if run.before:
        print(f"before: {run.before.describe()}")
    print(f"after:  {run.after.describe()}\nwritten: {run.checkpoint}, {run.report}")
    return 0


def _file(config: str) -> str:
    """The file, or the shipped one of that name."""
    from pathlib import Path

    from drive.shipped import config_names, found, shipped_config
    from drive.words import did_you_mean

    if Path(config).is_file():
        return config
    path = shipped_config(config) or found(config)
    if not path.is_file():
        names = config_names()
        raise ValueError(f"no configuration {config!r}: not a file, and not one of {', '.join(names)}{did_you_mean(config, names)}")
    return str(path)
