"""`drive sim`: closed loop in towns and recorded scenes."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from drive.cli.common import show, show_tracebacks, words
from drive.cli.parser import number

HELP = "drive closed loop: towns from seeds, recorded scenes"
ROWS = True
REAL = partial(number, whole=False)
RIGS = "nuscenes, pandaset, waymo, fisheye4, first-drive, random or random-narrow (by seed), or FILE.yaml"
PROBE = "does it look? the same episodes with pictures as they are, black, of another town, mounts told wrong, red lights shown green"
PLANNER = (
    "expert, visible-expert, lane-follower, constant-velocity, stand-still, a checkpoint, module:Class, exec:COMMAND or http://HOST:PORT; "
    "watchful:NAME falls back where NAME cannot see, blurred-2@10:NAME is shown blurred pictures from 10 s on; several with commas"
)


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("source", nargs="*", default=[], help="town, village, country, ScenarioNet files or their folder, nuScenes with maps")
    verb.add_argument("--planner", default="", help=PLANNER)
    verb.add_argument("--compare", nargs=2, metavar=("A", "B"), help="drive both over the same episodes and pair them")
    verb.add_argument("--probe", action="store_true", help=PROBE)
    verb.add_argument("--episodes", "-n", type=number(1), default=10, help="episodes of each family, or scenes of DATA (default: 10)")
    verb.add_argument("--seed", type=number(0), default=0, help="the first town's seed (of DATA: scene's number); the others follow")
    verb.add_argument("--family", default="ordinary", help="ordinary, a safety-critical family, several with commas, or all")
    verb.add_argument("--traffic", choices=("reactive", "replay", "empty"), help="default: reactive")
    verb.add_argument("--workers", type=number(1), default=1, help="processes that drive at the same time (default: 1)")
    verb.add_argument("--hz", type=REAL(2, 10), default=5.0, help="plans a second, 2 to 10 (default: 5)")
    verb.add_argument(
        "--latency",
        type=REAL(0, 2),
        default=0.0,
        metavar="S",
        help="simulated seconds from an observation to its plan's use",
    )
    verb.add_argument(
        "--deadline",
        type=REAL(1e-3, 86_400),
        default=30.0,
        metavar="S",
        help="seconds that a planner may take for a plan (default: 30)",
    )
    verb.add_argument("--rig", help=f"the car's cameras: {RIGS} (default: none)")
    verb.add_argument("--rig-width", type=int, metavar="PX", help="pixels across the rig's widest camera (default: the rig's own)")
    verb.add_argument("--weather", help="of the pictures: day, evening, overcast, fog, rain, night, or random (by seed); default: day")
    verb.add_argument(
        "--videos",
        type=number(0),
        default=6,
        help="how many drives the page shows, failures first (default: 6; 0: none, sooner done)",
    )
    verb.add_argument("--out", type=Path, help="folder for the report, the page and a replayable log of every episode")
    verb.add_argument("--replay", type=Path, metavar="FILE.json", help="drive a saved episode again and compare the hash")


def run(args: argparse.Namespace) -> int:
    """`drive sim SOURCE ...`."""
    args.progress.begin("loading")
    if args.replay:
        return _replay(args.replay)
    planners = [*(args.compare or ()), *words(args.planner)]
    if not planners or not args.source:
        raise ValueError("name a source (town, *.pkl, or DATA) and --planner (expert, lane-follower, stand-still, constant-velocity, ...)")
    if not args.rig and (args.weather or args.rig_width):
        raise ValueError("--weather and --rig-width are of a rig's pictures: give --rig too")
    return _simulate(args, planners)


def _simulate(args: argparse.Namespace, planners: list[str]) -> int:
    from drive.planners.closed_loop import simulate

    report = simulate(
        args.source,
        planners,
        args.episodes,
        args.seed,
        families=args.family if args.family == "all" else words(args.family),
        traffic=args.traffic,
        rig=args.rig,
        rig_width=args.rig_width,
        weather=args.weather,
        planning_hz=args.hz,
        latency_s=args.latency,
        deadline_s=args.deadline,
        workers=args.workers,
        out=args.out,
        videos=args.videos,
        probe=args.probe,
        progress=args.progress,
    )
    args.progress.end()
    written = f"{args.out / 'report.json'}, {args.out / 'index.html'}, {args.out / 'drives'}" if args.out else ""
    show(args, report.table(), report.rows, written)
    show_tracebacks(args, ((f"{s.planner} in {s.name}", s.facts["traceback"]) for s in report.scores if s.facts.get("traceback")))
    return 1 if report.failures else 0


def _replay(path: Path) -> int:
    from drive.sim.saved import replay_file

    run, stated = replay_file(path)
    same = run.hash == stated
    print(f"{path.name}: {run.outcome}, {len(run.actions)} steps, hash {run.hash}: {'the same' if same else f'NOT the stated {stated}'}")
    return 0 if same else 1
