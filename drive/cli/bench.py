"""`drive bench`: how fast it is."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "know how fast it is"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument(
        "what",
        choices=["metrics", "sim", "render"],
        help="metrics: samples per second of CPU time; sim: world steps per second; render: pictures per second",
    )
    verb.add_argument("--samples", type=int, default=1024, help="made-up samples to score (default: 1024)")
    verb.add_argument("--repeats", type=int, default=5, help="runs, of which the best counts (default: 5)")
    verb.add_argument("--scenes", type=Path, help="NAVSIM scenes (.npz) to time its extended score on")
    verb.add_argument("--out", type=Path, help="folder for report.json")


def run(args: argparse.Namespace) -> int:
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
