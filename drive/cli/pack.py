"""`drive pack`: sources as records for training, or their right answers alone, or records in another form."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from drive.cli.common import show
from drive.cli.parser import number

HELP = "gather training material: shards of any sources, split by drives; or right answers alone, also for LLaVA and DriveLM"
ROWS = True
FORMS = ("shards", "jsonl", "llava", "drivelm")
BALANCE = (
    "of `ask`: which questions are kept. set: no answer to a question more often than the second, in each split (default); "
    "towns: as towns are thinned out; none: all"
)


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    told = "data sets and folders of towns, then the folder to write; of other forms: one data set, or answers in another form"
    verb.add_argument("paths", type=Path, nargs="+", metavar="SOURCE... OUT", help=told)
    verb.add_argument("--form", choices=FORMS, help="shards (where OUT is named); jsonl: a file a scene; llava, drivelm: one file")
    verb.add_argument("--tasks", metavar="REQUESTS", help='answers to write, such as "see>decide>plan,boxes,roads,ask"')
    verb.add_argument("--out", type=Path, help="of other forms than shards: folder to write (default: SOURCE/messages)")
    verb.add_argument("--split", help="of each source: a split, or scene names separated by commas (default: all)")
    verb.add_argument("--limit", type=number(1), help="of each source: at most this many samples")
    verb.add_argument("--splits", metavar="NAME:SHARE,...", default="train:0.9,val:0.1", help="of shards (default: train:0.9,val:0.1)")
    verb.add_argument("--balance", choices=("set", "towns", "none"), default="set", help=BALANCE)
    verb.add_argument("--seed", type=int, default=0, help="which drives go to which split, which questions are kept (default: 0)")
    verb.add_argument("--frames", type=number(1, 4), default=1, help="of shards: camera frames a sample (default: 1)")
    verb.add_argument("--per-shard", type=number(1), default=256, help="of shards: samples each (default: 256)")
    told = "of shards: detectors of faces, number plates, ... as module:Class,...; what they find is blurred (default: none)"
    verb.add_argument("--blur", metavar="DETECTORS", default="", help=told)
    told = "of shards: pictures that are larger are shrunk to this size, K with them (default: pictures stay as they are)"
    verb.add_argument("--size", metavar="WxH", help=told)
    verb.add_argument("--workers", type=number(1, 1024), default=1, help="of shards: processes (default: 1)")


def run(args: argparse.Namespace) -> int:
    """`drive pack SOURCE... OUT`, `drive pack SOURCE --tasks REQUESTS`, `drive pack ANSWERS --form llava --out OUT`."""
    form = args.form or ("shards" if len(args.paths) > 1 else "jsonl")
    if form == "shards":
        return _shards(args)
    from drive.cli.pack_answers import pack_answers

    if args.size:
        raise ValueError(f"--size is of shards, which hold pictures; --form {form} names those of the source as they are")
    if args.blur:
        raise ValueError(f"--blur is of shards, which hold pictures; --form {form} names those of the source as they are")
    if len(args.paths) > 1:
        raise ValueError(f"--form {form} is of one source and --out, got {len(args.paths)} paths")
    return pack_answers(args, args.paths[0], form)


def _shards(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from drive.cli.pack_answers import balance_table
    from drive.eval.aligned import aligned
    from drive.records.pack import QUESTIONS, Settings, pack, window_of
    from drive.records.shrink import size_of
    from drive.tasks.questions.chosen import balance_rows

    if len(args.paths) < 2 or args.out:
        raise ValueError("shards go to a folder that is named last: drive pack SOURCE... OUT")
    *roots, out = args.paths
    sources = tuple(map(str, roots))
    window = replace(window_of(sources), frames=args.frames)
    shares = _shares(args.splits)
    blur = tuple(name.strip() for name in args.blur.split(",") if name.strip())
    of_each = args.per_shard, args.split, args.limit, window
    size = size_of(args.size) if args.size else None
    settings = Settings(sources, args.tasks or "", shares, args.seed, *of_each, blur, args.balance, size)
    rows = pack(settings, out, args.workers, args.progress)
    told = []
    for split, _ in shares:
        own = [row for row in rows if row.split == split]
        counts = {"samples": len(own), "drives": len({r.drive for r in own}), "pictures": sum(r.pictures for r in own)}
        told.append({"split": split, **counts, "missing": sum(r.missing for r in own), "bytes": sum(r.bytes for r in own)})
    shrunk = f"\npictures larger than {args.size} were shrunk to it" if size else ""
    blurred = f"\nregions blurred: {sum(row.blurred or 0 for row in rows)}, found by {', '.join(blur)}" if blur else ""
    tables = [aligned([list(told[0]), *([str(value) for value in row.values()] for row in told)]) + shrunk + blurred]
    kept = []
    if (out / QUESTIONS).exists():
        told_of = json.loads((out / QUESTIONS).read_text())
        kept = [{"split": split, **row} for split, counts in told_of.items() for row in balance_rows(counts)]
        tables += [balance_table(kept)] if kept else []
    show(args, "\n\n".join(tables), [*told, *kept], f"{out} ({len({row.shard for row in rows})} shards)")
    return 0


def _shares(text: str) -> tuple[tuple[str, float], ...]:
    try:
        pairs = [(name.strip(), float(share)) for name, share in (part.split(":") for part in text.split(","))]
    except ValueError:
        raise ValueError(f"--splits are names and shares such as train:0.9,val:0.1, got {text!r}") from None
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"--splits names one twice: {text!r}")
    return tuple(pairs)
