"""`drive curate`: which records to learn from, and how often."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import show
from drive.cli.parser import number

HELP = "decide which records to learn from and how often; a page shows what was dropped and why"
ROWS = True


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("records", type=Path, help="a folder that `drive pack` wrote")
    verb.add_argument("--recipe", type=Path, help="YAML file of passes and thresholds (default: configs/curate/default.yaml)")
    verb.add_argument("--split", help="of the records: one of theirs, or scene names separated by commas (default: all)")
    verb.add_argument("--workers", type=number(1, 1024), default=1, help="processes that measure (default: 1)")
    verb.add_argument("--out", type=Path, help="folder for curation.parquet and index.html (default: RECORDS/curation)")


def run(args: argparse.Namespace) -> int:
    """`drive curate RECORDS`."""
    from drive.curate.page import pass_rows, words_not_looked_for, write_curation_page
    from drive.curate.recipe import load_recipe
    from drive.curate.run import DECISIONS, curate
    from drive.data.records.dataset import RecordFolder
    from drive.eval.aligned import aligned

    out: Path = args.out or args.records / "curation"
    curated = curate(args.records, load_recipe(args.recipe), out, args.workers, args.progress, args.split)
    args.progress.begin("writing the page")
    page = write_curation_page(out / "index.html", RecordFolder(args.records, args.split), curated)
    args.progress.end()
    names = ["pass", "drops", "alone", "mean_weight"]
    rows = [dict(zip(names, row, strict=True)) for row in pass_rows(curated)]
    cells = [[str(r["pass"]), str(r["drops"]), str(r["alone"]), f"{r['mean_weight'] or 0:.2f}"] for r in rows]
    kept = [decision for decision in curated.decisions if decision.kept]
    told = f"{len(kept)} of {len(curated.decisions)} records kept, {sum(d.weight for d in kept):.0f} drawn in an epoch"
    lacking = words_not_looked_for(curated) if any(record.texts for record in curated.records) else ""
    show(args, f"{told}\n{aligned([names, *cells])}" + (f"\n{lacking}" if lacking else ""), rows, f"{out / DECISIONS}, {page}")
    return 0
