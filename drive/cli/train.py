"""`drive train`: a run from its configuration."""

from __future__ import annotations

import argparse
import sys

from drive.cli.common import config_file

HELP = "train from a config, with --a.b value overrides"
OVERRIDES = True  # any value of the configuration may follow as --a.b value


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    told = "a YAML file, or the name of a shipped one (first-drive); any of its values can follow as --a.b value"
    verb.add_argument("config", help=told)
    verb.add_argument("--fresh", action="store_true", help="throw away what a run wrote to its folder, and start over")
    verb.add_argument("--print-config", action="store_true", help="print the whole configuration as YAML, overrides included, and stop")


def run(args: argparse.Namespace) -> int:
    """`drive train CONFIG`."""
    file = config_file(args.config)
    args.progress.begin("loading")
    _known(args)
    from drive.config import load_config
    from drive.values import to_yaml

    config = load_config(file, args.rest)
    if args.print_config:
        print(to_yaml(config), end="")
        return 0
    from drive.train.guard import NonFinite
    from drive.train.loop import train
    from drive.train.stop import Interrupted

    args.progress.end()
    try:
        run = train(config, args.fresh)
    except (Interrupted, NonFinite) as stop:
        print(f"drive train: {stop}", file=sys.stderr)
        return stop.exit_status if isinstance(stop, Interrupted) else 1
    if run.before:
        print(f"before: {run.before.describe()}")
    if run.after:
        print(f"after:  {run.after.describe()}")
    if run.answers:
        told = ",".join(run.answers)
        print(f"not scored: {told} hold no plan; drive eval DATA --planner {config.out} --tasks {told} scores these")
    if run.after or run.answers:
        print(f"written: {run.checkpoint}, {run.report}")
    return 0


def _known(args: argparse.Namespace) -> None:
    """Whatever looks like an option and is none of the verb is a value of the configuration. Raises ValueError for anything else."""
    from dataclasses import fields

    from drive.config import RunConfig
    from drive.words import did_you_mean

    names = [f"--{field.name}" for field in fields(RunConfig)]
    for word in args.rest:
        head = word.partition("=")[0].partition(".")[0]
        if head.startswith("--") and head not in names:
            meant = did_you_mean(head, [*args.parser.options, *names])
            raise ValueError(f"no option {head}, and no value of that name in a configuration{meant}")
