"""`drive truth`: what plans are scored against, as one small file without pictures and maps."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drive.cli.common import show

HELP = "write what plans are scored against as one small file; drive eval FILE --plans takes it"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("data", type=Path, help="a data set")
    verb.add_argument("out", type=Path, help="file to write, .npz")
    verb.add_argument("--split", help="a split of the data set, or scene names separated by commas (default: all)")


def run(args: argparse.Namespace) -> int:
    """`drive truth DATA OUT`."""
    from drive.data.dataset import open_dataset
    from drive.data.truth import write_truth
    from drive.outputs import writable_file, writing

    if args.out.suffix != ".npz":
        raise ValueError(f"a truth file's name ends in .npz, got {args.out}")
    out = writable_file(args.out)
    args.progress.begin(f"opening {args.data}")
    dataset: Any = open_dataset(args.data, split=args.split, maps=False)
    if not hasattr(dataset, "log"):
        raise ValueError(f"{args.data} cannot tell its scenes as wholes")
    args.progress.begin(f"reading {len(dataset.scenes)} scenes")
    with writing(out):
        counts = write_truth(dataset, out)
    args.progress.end()
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    show(args, f"{told} in {out.stat().st_size / 1e6:.2f} MB, written: {out}", [{**counts, "bytes": out.stat().st_size}])
    return 0
