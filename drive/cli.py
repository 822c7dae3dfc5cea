"""The `drive` command: one verb, one function, a few lines each. Heavy imports wait until a verb runs.

Exit status: 0 done, 1 done but something failed or is wrong, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drive.schema import Window
    from drive.viz.view import AttentionOf, PlanOf


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status. Bad input prints one line, not a traceback."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not getattr(args, "overrides", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    try:
        return int(args.run(args) or 0)
    except (ValueError, FileNotFoundError) as error:
        print(f"drive {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"drive {args.verb}: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="drive", description="End-to-end driving: cameras in, trajectory tokens out.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add in (_add_check, _add_plan, _add_eval, _add_view, _add_sim, _add_make, _add_train, _add_bench):
        add(verbs)
    return parser


def _data_arguments(verb: argparse.ArgumentParser, optional: bool = False) -> None:
    verb.add_argument("data", type=Path, nargs="?" if optional else None, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--split", help="a split name of the devkit, or scene names separated by commas (default: all)")
    verb.add_argument("--limit", type=int, help="at most this many samples")
    verb.add_argument("--out", type=Path, help="folder (or file, for plans) to write")


def _add_check(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("check", help="find out what is wrong with a data set")
    verb.add_argument("data", type=Path, help="a nuScenes-format data set (the folder that holds v1.0-*)")
    verb.add_argument("--version", help="the v1.0-* folder, where there are several")
    verb.set_defaults(run=check)


def check(args: argparse.Namespace) -> int:
    """`drive check DATA`."""
    from drive.data.check import check_dataset

    report = check_dataset(args.data, args.version)
    print(report)
    return 1 if report.errors else 0


def _add_plan(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("plan", help="plan on a data set, write plans.json")
    _data_arguments(verb)
    verb.add_argument("--planner", required=True, help="checkpoint folder, planner name or module:Class")
    verb.add_argument("--samples", type=int, default=1, help="trajectories for each sample, the most central one first (default: 1)")
    verb.set_defaults(run=plan)


def plan(args: argparse.Namespace) -> int:
    """`drive plan DATA`."""
    from drive.data.dataset import open_dataset
    from drive.eval.plans import save_plans
    from drive.planner import plan_all

    plan_of, name, window, _ = _planner_source(args.planner, args.samples)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=False)
    plans, errors = plan_all(plan_of, dataset)
    out = args.out or Path("plans.json")
    save_plans(out, name, plans, window.future_times_s, errors)
    print(f"{name}: {len(plans)} of {len(dataset)} samples planned, written: {out}")
    for token, reason in list(errors.items())[:3]:
        print(f"  failed {token}: {reason}")
    if len(errors) > 3:
        print(f"  and {len(errors) - 3} more, all with their reasons in {out}")
    return 1 if errors else 0


def _add_eval(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("eval", help="score planners or anybody's plans.json")
    _data_arguments(verb)
    verb.add_argument("--planner", default="", help="checkpoint folder, planner name or module:Class; several with commas")
    verb.add_argument("--plans", type=Path, nargs="+", default=[], help="plans files (exchange JSON)")
    verb.add_argument("--protocol", default="exact", help="protocol names with commas, or all")
    verb.add_argument("--published", action="store_true", help="add published results of the same protocols")
    verb.set_defaults(run=evaluate_)


def evaluate_(args: argparse.Namespace) -> int:
    """`drive eval DATA`."""
    from drive.data.dataset import open_dataset
    from drive.eval.evaluate import choose_protocols, evaluate
    from drive.eval.page import write_report
    from drive.eval.report import LOG
    from drive.eval.table import text_table
    from drive.schema import Window

    chosen = choose_protocols(args.protocol.split(","))
    specs = [spec for spec in args.planner.split(",") if spec and spec != LOG]
    planners, window = [], Window()
    if specs:
        from drive.planner import common_window, load_planner

        planners = [load_planner(spec) for spec in specs]
        window = common_window(planners)
    needs_map = any(protocol.uses_map for protocol in chosen)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=needs_map)
    report = evaluate(dataset, planners, args.plans, [p.name for p in chosen], args.published, progress=_progress)
    report.settings.update(data=dataset.name, split=args.split, limit=args.limit)
    print(text_table(report))
    if args.out:
        print(f"\nwritten: {report.save(args.out)}, {write_report(report, args.out)}")
    return 1 if report.failed else 0


def _add_bench(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("bench", help="know how fast it is")
    verb.add_argument(
        "what",
        choices=["metrics", "sim", "render"],
        help="metrics: samples per second of CPU time; sim: world steps per second; render: pictures per second",
    )
    verb.add_argument("--samples", type=int, default=1024, help="made-up samples to score (default: 1024)")
    verb.add_argument("--repeats", type=int, default=5, help="runs, of which the best counts (default: 5)")
    verb.add_argument("--scenes", type=Path, help="NAVSIM scenes (.npz) to time its extended score on")
    verb.add_argument("--out", type=Path, help="folder for report.json")
    verb.set_defaults(run=bench)


def bench(args: argparse.Namespace) -> int:
    """`drive bench metrics`, `drive bench sim`, `drive bench render`."""
    if args.what == "render":
        from drive.render.bench import bench_render

        print(bench_render())
        return 0
    if args.what == "sim":
        from drive.world.bench import bench_sim

        print(bench_sim(repeats=args.repeats))
        return 0
    from drive.eval.bench import bench_metrics, bench_navsim, save_speeds, speed_table

    speeds, together_s = bench_metrics(args.samples, args.repeats)
    if args.scenes:
        speeds.append(bench_navsim(args.scenes, args.repeats))
    print(speed_table(speeds, together_s))
    if args.out:
        print(f"\nwritten: {save_speeds(speeds, together_s, args.out)}")
    return 0


def _progress(done: int, total: int) -> None:
    """A line that counts samples, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} samples", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _add_view(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("view", help="pictures, video, one self-contained page")
    _data_arguments(verb, optional=True)
    verb.add_argument("--planner", help="draw the plans of a checkpoint folder, planner name or module:Class")
    verb.add_argument("--plans", type=Path, help="draw the plans of a plans file (exchange JSON)")
    verb.add_argument("--samples", type=int, default=1, help="plans asked of the planner for each sample (default: 1)")
    verb.add_argument("--sample", nargs="+", metavar="TOKEN", help="draw these samples (default: a few that have pictures on disk)")
    verb.add_argument("--video", nargs="?", const="mp4", choices=("mp4", "gif"), help="also a video of every scene")
    told = "instead: a recorded scene's pictures (nuScenes format) beside the same moments rendered from a ScenarioNet file"
    verb.add_argument("--compare", nargs=2, type=Path, metavar=("REAL", "SYNTH"), help=told)
    verb.add_argument("--weather", default="overcast", help="of the rendered pictures of --compare (default: overcast)")
    verb.set_defaults(run=view)


def view(args: argparse.Namespace) -> int:
    """`drive view DATA`, `drive view --compare REAL SYNTH`."""
    if args.compare:
        from drive.compare.compare import compare

        real, synth = args.compare
        print(f"page: {compare(real, synth, args.out or Path('compare'), args.weather, print)}")
        return 0
    if args.data is None:
        raise ValueError("name a data set, or --compare REAL SYNTH")
    from itertools import groupby

    from drive.data.dataset import open_dataset
    from drive.viz.view import choose_samples, has_pictures
    from drive.viz.view import view as draw

    plan_of, name, window, attention_of = _plan_source(args)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window)
    tokens = args.sample or (dataset.tokens if args.limit else choose_samples(dataset.without_maps()))
    samples = [dataset.sample(token) for token in tokens]
    scenes = (list(scene) for _, scene in groupby(dataset, lambda sample: sample.scene)) if args.video else ()
    made = draw(samples, args.out or Path("view"), plan_of, name, scenes, args.video or "mp4", dataset.name, print, attention_of)
    blank = sum(not has_pictures(sample) for sample in samples)
    print(f"page: {made.page}" + (f"; {blank} of {len(samples)} samples lack pictures on disk" if blank else ""))
    if made.failures:
        print(f"samples without a plan: {len(made.failures)}; the first: {next(iter(made.failures.values()))}")
    return 1 if made.failures else 0


def _plan_source(args: argparse.Namespace) -> tuple[PlanOf | None, str, Window, AttentionOf | None]:
    """Who gives a sample's plan, the name, the window to open data with, who tells the attention (a network alone); None and ""
    where no plan is asked for."""
    from drive.schema import Window

    if args.plans and args.planner:
        raise ValueError("--plans and --planner: give one of the two")
    if args.plans:
        from drive.eval.plans import load_plans

        file = load_plans(args.plans)
        return file.plan, file.planner, Window(), None
    if args.planner:
        return _planner_source(args.planner, args.samples)
    return None, "", Window(), None


def _planner_source(spec: str, samples: int) -> tuple[PlanOf, str, Window, AttentionOf | None]:
    """As `_plan_source`, of one planner; `log` alone is shown what was recorded."""
    from drive.planner import common_window, load_planner
    from drive.schema import Window

    if spec == "log":
        from drive.baselines import recorded_plan

        return (lambda sample: recorded_plan(sample.target.future, sample.observation)), spec, Window(), None
    planner = load_planner(spec)
    told: Any = getattr(planner, "attention", None)
    attention_of = told and (lambda sample: told(sample.observation))
    return (lambda sample: planner.plan(sample.observation, samples=samples)), planner.name, common_window([planner]), attention_of


def _add_sim(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("sim", help="drive closed loop: towns from seeds, recorded scenes")
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
    verb.set_defaults(run=sim)


def sim(args: argparse.Namespace) -> int:
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


def _add_make(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("make", help="make a data set in nuScenes format from rendered towns")
    verb.add_argument("out", type=Path, help="folder to write, which is not there yet")
    verb.add_argument("--scenes", type=int, required=True, help="how many scenes")
    verb.add_argument("--seed", type=int, default=0, help="another seed, other towns and drives (default: 0)")
    verb.add_argument("--rig", default="nuscenes", help="nuscenes, pandaset, waymo, fisheye4, random or FILE.yaml (default: nuscenes)")
    verb.add_argument("--width", type=int, help="width in pixels of the widest camera (default: the rig's own)")
    verb.add_argument("--weather", default="random", help="day, evening, overcast, fog, rain, night or random (default: random)")
    verb.add_argument("--seconds", type=float, default=20.0, help="length of a scene (default: 20)")
    verb.add_argument("--traffic", default="ordinary", help="light, ordinary or busy (default: ordinary)")
    verb.add_argument("--towns", type=int, help="how many towns the scenes share (default: one a scene, at most 64)")
    verb.add_argument("--kind", default="town", help="kind of towns: town or village (default: town)")
    verb.add_argument("--sweeps", action="store_true", help="also pictures between the key frames, ten a second")
    verb.add_argument("--lidar", type=int, default=1080, metavar="COLUMNS", help="LiDAR columns a turn (default: 1080)")
    verb.add_argument("--background", type=int, default=1, metavar="N", help="keep one in N LiDAR points on the road, houses and trees")
    verb.add_argument("--quality", type=int, default=90, help="of the JPEG pictures (default: 90)")
    verb.add_argument("--workers", type=int, default=1)
    verb.set_defaults(run=make)


def make(args: argparse.Namespace) -> int:
    """`drive make OUT`."""
    from drive.make.nuscenes.make import make_dataset
    from drive.make.nuscenes.take import Spec
    from drive.render.rigs import load_rig

    rig = load_rig(args.rig, args.seed, args.width)
    look = {"weather": args.weather, "traffic": args.traffic, "distribution": args.kind, "quality": args.quality}
    laser = {"lidar_columns": args.lidar, "background": args.background}
    spec = Spec(args.out, rig, args.seed, seconds=args.seconds, sweeps=args.sweeps, **look, **laser)
    print(f"written: {make_dataset(spec, args.scenes, args.workers, args.towns)}")
    return 0


def _replay(path: Path) -> int:
    from drive.sim.saved import replay_file

    run, stated = replay_file(path)
    same = run.hash == stated
    print(f"{path.name}: {run.outcome}, {len(run.actions)} steps, hash {run.hash}: {'the same' if same else f'NOT the stated {stated}'}")
    return 0 if same else 1


def _add_train(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("train", help="train from a config, with --a.b value overrides")
    verb.add_argument("config", type=Path, help="a YAML file, see configs/; any of its values can follow as --a.b value")
    verb.add_argument("--fresh", action="store_true", help="throw away what the run's folder holds and start over")
    verb.set_defaults(run=train_, overrides=True)


def train_(args: argparse.Namespace) -> int:
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
