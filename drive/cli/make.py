"""`drive make`: data sets from rendered towns."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.parser import number

HELP = "make a data set in nuScenes format from rendered towns"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("out", type=Path, help="folder to write, which is not there yet")
    verb.add_argument("--scenes", type=number(1), required=True, help="how many scenes")
    verb.add_argument("--seed", type=number(0), default=0, help="another seed, other towns and drives (default: 0)")
    verb.add_argument(
        "--rig", default="nuscenes", help="nuscenes, pandaset, waymo, fisheye4, first-drive, random, FILE.yaml (default: nuscenes)"
    )
    verb.add_argument("--width", type=number(1), help="width in pixels of the widest camera (default: the rig's own)")
    verb.add_argument("--weather", default="random", help="day, evening, overcast, fog, rain, night or random (default: random)")
    verb.add_argument("--seconds", type=number(1, 60, whole=False), default=20.0, help="length of a scene (default: 20)")
    verb.add_argument("--traffic", default="ordinary", help="light, ordinary or busy (default: ordinary)")
    verb.add_argument("--towns", type=number(1), help="how many towns the scenes share (default: one a scene, at most 64)")
    verb.add_argument("--kind", default="town", help="kind of towns: town, village or country (default: town)")
    verb.add_argument("--sweeps", action="store_true", help="also pictures between the key frames, ten a second")
    verb.add_argument("--lidar", type=number(1), default=1080, metavar="COLUMNS", help="LiDAR columns a turn (default: 1080)")
    verb.add_argument("--background", type=number(1), default=1, metavar="N", help="keep one in N LiDAR points of road, houses, trees")
    verb.add_argument("--quality", type=number(1, 100), default=90, help="of the JPEG pictures (default: 90)")
    verb.add_argument(
        "--tasks", default="", metavar="REQUESTS", help='also right answers, as JSONL in messages/: "see>decide>plan,boxes,roads,ask"'
    )
    verb.add_argument("--workers", type=number(1), default=1, help="processes that draw at the same time (default: 1)")


def run(args: argparse.Namespace) -> int:
    """`drive make OUT`."""
    args.progress.begin("loading")
    from drive.make.nuscenes.make import make_dataset
    from drive.make.nuscenes.take import Spec
    from drive.render.rigs import load_rig
    from drive.tasks import chains

    if args.tasks:
        chains(args.tasks)  # a word that no task answers is told before anything is drawn
    rig = load_rig(args.rig, args.seed, args.width)
    look = {"weather": args.weather, "traffic": args.traffic, "distribution": args.kind, "quality": args.quality}
    laser = {"lidar_columns": args.lidar, "background": args.background}
    spec = Spec(args.out, rig, args.seed, seconds=args.seconds, sweeps=args.sweeps, tasks=args.tasks, **look, **laser)
    written = make_dataset(spec, args.scenes, args.workers, args.towns, args.progress)
    args.progress.end()
    print(f"written: {written}")
    return 0
