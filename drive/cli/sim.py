"""`drive sim`: closed loop in towns and recorded scenes."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "drive closed loop: towns from seeds, recorded scenes"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("source", nargs="*", default=[], help="town, village, ScenarioNet files (*.pkl), or DATA with a map expansion")
    verb.add_argument("--planner", default="", help="expert, lane-follower, ..., checkpoint or module:Class; several with commas")
    verb.add_argument("--compare", nargs=2, metavar=("A", "B"), help="drive both over the same episodes and pair them")
    verb.add_argument("--episodes", type=int, default=10, help="episodes of each family, or scenes of DATA (default: 10)")
    verb.add_argument("--seed", type=int, default=0, help="the first town's seed (of DATA: scene's number); the others follow")
    verb.add_argument("--family", default="ordinary", help="ordinary, a safety-critical family, several with commas, or all")
    verb.add_argument("--traffic", choices=("reactive", "replay", "empty"), help="default: reactive")
    verb.add_argument("--workers", type=int, default=1)
    verb.add_argument("--hz", type=float, default=5.0, help="plans a second, 2 to 10 (default: 5)")
    verb.add_argument("--latency", type=float, default=0.0, metavar="S", help="simulated seconds between an observation and its plan's use")
    verb.add_argument("--deadline", type=float, default=30.0, metavar="S", help="wall seconds a plan may take (an episode's first: more)")
    verb.add_argument("--rig", help="the car's cameras: nuscenes, pandaset, waymo, fisheye4, random (by seed) or FILE.yaml (default: none)")
    verb.add_argument("--rig-width", type=int, metavar="PX", help="pixels across the rig's widest camera (default: the rig's own)")
    verb.add_argument("--weather", help="of the pictures: day, evening, overcast, fog, rain, night, or random (by seed); default: day")
    verb.add_argument("--videos", type=int, default=6, help="how many drives the page shows, failures first (default: 6)")
    verb.add_argument("--out", type=Path, help="folder for the report, the page and a replayable log of every episode")
    verb.add_argument("--replay", type=Path, metavar="FILE.json", help="drive a saved episode again and compare the hash")


def run(args: argparse.Namespace) -> int:
    """`drive sim SOURCE ...`."""
    from drive.planner import load_sim_planner
    from drive.sim.rollout import Loop
    from drive.sim.sight import Sight, require_sight
    from drive.sim.simulate import choose_episodes, simulate
    from drive.world.town.scenarios import FAMILIES

    if args.replay:
        return _replay(args.replay)
    planners = list(args.compare or ()) + [name for name in args.planner.split(",") if name]
    if not planners or not args.source:
        raise ValueError("name a source (town, *.pkl, or DATA) and --planner (expert, lane-follower, stand-still, constant-velocity, ...)")
    if not args.rig and (args.weather or args.rig_width):
        raise ValueError("--weather and --rig-width are of a rig's pictures: give --rig too")
    sight = Sight(args.rig, args.rig_width, args.weather or "day") if args.rig else None
    for name in planners:
        if name != "log":
            require_sight(load_sim_planner(name), sight)
    families = ["ordinary", *FAMILIES] if args.family == "all" else args.family.split(",")
    episodes = choose_episodes(args.source, args.episodes, args.seed, families, args.traffic)
    loop = Loop(args.hz, args.latency, args.deadline, sight=sight)
    report = simulate(episodes, planners, load_sim_planner, loop, args.workers, args.out, args.videos, print)
    print(f"\n{report.table()}")
    if args.out:
        print(f"\nwritten: {args.out / 'report.json'}, {args.out / 'index.html'}, {args.out / 'drives'}")
    return 1 if report.failures else 0


def _replay(path: Path) -> int:
    from drive.sim.saved import replay_file

    run, stated = replay_file(path)
    same = run.hash == stated
    print(f"{path.name}: {run.outcome}, {len(run.actions)} steps, hash {run.hash}: {'the same' if same else f'NOT the stated {stated}'}")
    return 0 if same else 1
