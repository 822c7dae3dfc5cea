"""Options of verbs that take a folder of own pictures: the rig, and what is told beside the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from drive.cli.parser import number

if TYPE_CHECKING:
    from drive.data.pictures.told import ToldBeside

NAMES = ("rig", "poses", "motion", "speed", "command", "hz")


def pictures_arguments(verb: argparse.ArgumentParser) -> None:
    """--rig, --poses, --motion, --speed, --command, --hz."""
    own = verb.add_argument_group("where DATA holds own pictures, a folder or a video for each camera (docs/own-pictures.md)")
    own.add_argument("--rig", type=Path, metavar="FILE", help="the cameras and where they stand (default: rig.yaml of DATA)")
    own.add_argument("--poses", type=Path, metavar="CSV", help="where the car was (default: poses.csv of DATA, if there)")
    own.add_argument("--motion", type=Path, metavar="CSV", help="speeds and commands by time (default: motion.csv of DATA, if there)")
    own.add_argument("--speed", type=number(-100, 100, whole=False), metavar="M/S", help="the car's speed at every picture")
    own.add_argument("--command", choices=("left", "straight", "right"), help="the route command at every picture")
    own.add_argument("--hz", type=number(0.01, 1000, whole=False), help="pictures a second, where their names tell no times")


def told_of(args: argparse.Namespace) -> ToldBeside | None:
    """What the options say; None where none is given, or the verb has none."""
    if all(getattr(args, name, None) is None for name in NAMES):
        return None
    from drive.data.pictures.told import ToldBeside

    return ToldBeside(args.rig, args.poses, args.motion, args.speed, args.command, args.hz)
