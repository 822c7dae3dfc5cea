"""`drive bench`: how fast it is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drive.cli.common import config_file, show
from drive.cli.parser import number

HELP = "know how fast it is"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument(
        "what",
        choices=list(BENCHES),
        help="metrics: samples per second of CPU time; sim: steps per second of worlds and environments; render: pictures per second; "
        "plan: milliseconds of a plan and their shares; train: samples a second that a run learns from and their shares; "
        "pack: useful tokens per second of training, packed and padded; "
        "codecs: tokens and errors of plans as tokens; decode: milliseconds of decoding, beside transformers; "
        "exchange: plans a second asked of a planner in another process; records: samples a second, beside the data set they come from; "
        "tables: how nuScenes tables open, cold and warm, and samples a second with maps",
    )
    verb.add_argument("--samples", type=number(1), default=1024, help="made-up samples to score (default: 1024)")
    verb.add_argument("--repeats", type=number(1), default=5, help="runs, of which the best counts (default: 5)")
    verb.add_argument("--scenes", type=Path, help="NAVSIM scenes (.npz) to time its extended score on")
    verb.add_argument("--planner", default="first-drive", help="of plan: a shipped planner or a checkpoint (default: first-drive)")
    verb.add_argument("--pictures", type=number(1, 6), default=2, help="of plan: pictures it sees (default: 2)")
    verb.add_argument("--config", default="first-answers", help="of train: a configuration, or its name (default: first-answers)")
    verb.add_argument("--backbones", nargs="+", default=[], help="of train: backbones of timm to measure in place of its own")
    verb.add_argument(
        "--data",
        nargs="+",
        default=["data/mini"],
        help="of codecs: data sets and scene files; of records and tables: a data set (default: data/mini)",
    )
    verb.add_argument("--devkit", action="store_true", help="of tables: also by nuscenes-devkit, which takes gigabytes for large ones")
    verb.add_argument("--out", type=Path, help="folder for report.json")


def run(args: argparse.Namespace) -> int:
    """One of `BENCHES`."""
    from drive.outputs import writable_folder

    if args.out:
        writable_folder(args.out)
    args.progress.begin(f"measuring {args.what}")
    text, rows, written = BENCHES[args.what](args)
    args.progress.end()
    show(args, text, rows, written)
    return 0


def _metrics(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.eval.bench import bench_metrics, bench_navsim, save_speeds, speed_table

    speeds, together_s = bench_metrics(args.samples, args.repeats)
    if args.scenes:
        speeds.append(bench_navsim(args.scenes, args.repeats))
    rows = [row for speed in speeds for row in speed.rows()]
    return speed_table(speeds, together_s), rows, str(save_speeds(speeds, together_s, args.out)) if args.out else ""


def _sim(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.sim.bench import bench_env
    from drive.world.bench import bench_sim

    speed, env = bench_sim(repeats=args.repeats), bench_env(repeats=args.repeats)
    paces = {"single": speed.single, "batched": speed.batched, "environment": env.steps_per_s}
    rows = [{"metric": name, "value": value, "unit": "1/s"} for name, value in paces.items()]
    rows += [{"metric": name, "value": value, "unit": "s"} for name, value in (("reset_new", env.new_s), ("reset_built", env.built_s))]
    return f"{speed}\n{env}", rows, _written(args, rows)


def _render(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.render.bench import bench_render

    speed = bench_render()
    rows = [{"metric": pace.what, "value": pace.per_s, "unit": "1/s"} for pace in speed.paces]
    return str(speed), rows, _written(args, rows)


def _plan(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.planners.bench import bench_plan

    speed = bench_plan(args.planner, args.pictures)
    return str(speed), speed.rows(), _written(args, speed.rows())


def _train(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.train.step_bench import bench_train

    speeds = bench_train(Path(config_file(args.config)), tuple(args.backbones))
    rows = [row for speed in speeds for row in speed.rows()]
    return "\n".join(map(str, speeds)), rows, _written(args, rows)


def _pack(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.train.pack_bench import bench_pack

    speed = bench_pack(repeats=args.repeats)
    return str(speed), speed.rows(), _written(args, speed.rows())


def _codecs(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.eval.codec_bench import bench_codecs

    table = bench_codecs(args.data)
    return str(table), table.rows(), _written(args, table.rows())


def _decode(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.decode.bench import bench_decode

    speed = bench_decode(args.repeats)
    return str(speed), speed.rows(), _written(args, speed.rows())


def _exchange(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.planners.remote.bench import bench_exchange

    speed = bench_exchange()
    return str(speed), speed.rows(), _written(args, speed.rows())


def _records(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.records.bench import bench_records

    speed = bench_records(args.data[0], args.repeats)
    return str(speed), speed.rows(), _written(args, speed.rows())


def _tables(args: argparse.Namespace) -> tuple[str, list[dict[str, Any]], str]:
    from drive.data.nuscenes.bench import bench_tables

    speed = bench_tables(Path(args.data[0]), args.devkit)
    return str(speed), speed.rows(), _written(args, speed.rows())


def _written(args: argparse.Namespace, rows: list[dict[str, Any]]) -> str:
    from drive.eval.report import write_json

    return str(write_json(args.out, "bench", {"settings": {"what": args.what}, "rows": rows})) if args.out else ""


BENCHES = {
    "metrics": _metrics,
    "sim": _sim,
    "render": _render,
    "plan": _plan,
    "train": _train,
    "pack": _pack,
    "codecs": _codecs,
    "decode": _decode,
    "exchange": _exchange,
    "records": _records,
    "tables": _tables,
}
