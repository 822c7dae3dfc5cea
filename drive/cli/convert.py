"""`drive convert`: others' results -> a plans file, and a plans file -> a submission."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drive.cli.common import show

if TYPE_CHECKING:
    from drive.eval.convert import Known

HELP = "others' results to plans.json (--from uniad, vad, ...), plans.json to a submission (--to navsim, wod-e2e)"
ROWS = True
SHOWN = 6
FROM = ("uniad", "vad", "sparsedrive", "openemma", "lightemma", "agentdriver", "navsim", "wod-e2e")
TO = {"navsim": "submission.pkl", "wod-e2e": "submission.tar.gz"}


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("results", type=Path, help="results in their project's own layout; with --to a plans file")
    way = verb.add_mutually_exclusive_group(required=True)
    way.add_argument("--from", dest="source", choices=FROM, help="whose results they are")
    way.add_argument("--to", choices=list(TO), help="which benchmark to submit to")
    verb.add_argument("--data", type=Path, help="the data set, or a truth file of it: names and poses of samples that results leave out")
    verb.add_argument("--split", help="the split of --data that was tested")
    verb.add_argument("--tokens", type=Path, help="names of the samples: an info pickle, a JSON list, or a name a line")
    verb.add_argument("--name", help="what to call the planner (default: the project)")
    verb.add_argument("--about", type=Path, help="YAML file that tells a submission's team and method")
    verb.add_argument("--second-stage", type=Path, help="names of the samples of NAVSIM's second stage")
    verb.add_argument("--out", type=Path, help="file to write (default: plans.json; submission.pkl, submission.tar.gz)")


def run(args: argparse.Namespace) -> int:
    """`drive convert RESULTS`."""
    return _submit(args) if args.to else _convert(args)


def _convert(args: argparse.Namespace) -> int:
    from drive.eval.convert import SOURCES, convert
    from drive.eval.reasons import grouped
    from drive.outputs import writable_file

    out = writable_file(args.out or Path("plans.json"))
    if args.about or args.second_stage:
        raise ValueError("--about and --second-stage are of submissions: give --to")
    name = args.name or SOURCES[args.source].planner
    known = _known(args)
    args.progress.begin(f"reading {args.results}")
    converted = convert(args.results, args.source, known)
    if not converted.results and not converted.errors:
        raise ValueError(f"{args.results} holds no plan, and no sample without one: nothing was written")
    converted.save(out, name, args.source)
    args.progress.end()
    count = len(converted.results) + len(converted.errors)
    lines = [f"{name}: {len(converted.results)} of {count} samples have a plan ({converted.frame} frame), written: {out}"]
    reasons = grouped(converted.errors.items())
    _show(args, lines, reasons, {"planner": name, "samples": count, "planned": len(converted.results)})
    return 1 if reasons else 0


def _submit(args: argparse.Namespace) -> int:
    from drive.eval.convert import known_from_file
    from drive.eval.convert.submit import SUBMISSIONS, read_about, submission_bytes
    from drive.eval.plans import load_plans
    from drive.eval.reasons import grouped
    from drive.outputs import writable_file, writing

    if args.data or args.split:
        raise ValueError("--data and --split are for results of others; a submission's samples are those of the plans file, or --tokens")
    if not args.about:
        raise ValueError(f"--to {args.to} needs --about FILE, a YAML file with {', '.join(SUBMISSIONS[args.to].required)}")
    about = read_about(args.about, args.to)
    out = writable_file(args.out or Path(TO[args.to]))
    wanted = known_from_file(args.tokens).tokens if args.tokens else None
    second = known_from_file(args.second_stage).tokens if args.second_stage else ()
    file = load_plans(args.results)
    data, errors = submission_bytes(args.to, file, about, wanted, second)
    with writing(out):
        out.write_bytes(data)
    count = len(file.tokens if wanted is None else wanted)
    lines = [f"{file.planner}: {count - len(errors)} of {count} samples submitted to {SUBMISSIONS[args.to].told}, written: {out}"]
    lines += ["  a submission without a plan for every sample may be refused"] if errors else []
    _show(args, lines, grouped(errors.items()), {"planner": file.planner, "samples": count, "planned": count - len(errors)})
    return 1 if errors else 0


def _known(args: argparse.Namespace) -> Known | None:
    """What --data or --tokens tell of the samples."""
    from drive.eval.convert import known_from_dataset, known_from_file

    if args.data and args.tokens:
        raise ValueError("--data and --tokens: give one of the two")
    if args.split and not args.data:
        raise ValueError("--split is a split of --data, which is not given")
    if args.tokens:
        return known_from_file(args.tokens)
    if not args.data:
        return None
    from drive.data.dataset import open_dataset

    args.progress.begin(f"opening {args.data}")
    return known_from_dataset(open_dataset(args.data, split=args.split, maps=False))


def _show(args: argparse.Namespace, lines: list[str], reasons: Sequence[tuple[str, list[str]]], head: dict[str, object]) -> None:
    lines += [f"  {len(tokens)} without: {reason}" for reason, tokens in reasons[:SHOWN]]
    lines += [f"  and {len(reasons) - SHOWN} other reasons"] if len(reasons) > SHOWN else []
    show(args, "\n".join(lines), [{**head, "reason": None}, *({"reason": reason, "samples": len(tokens)} for reason, tokens in reasons)])
