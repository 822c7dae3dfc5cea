"""`make demo`: train a small planner, score it beside constant velocity and the recorded drive, and write a page of pictures.

Runs on the embedded synthetic data, or on real frames where DRIVE_REAL names their folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from drive.config import RunConfig, load_config
from drive.data.dataset import Dataset, open_dataset
from drive.eval.evaluate import evaluate
from drive.eval.report import Report
from drive.eval.table import protocol_rows, text_table
from drive.planner import NetworkPlanner, load_planner
from drive.schema import PlanError
from drive.train.loop import Run, train
from drive.train.samples import expand
from drive.viz.frame import draw_frame
from drive.viz.page import Block, Heading, Image, Numbers, Table, Text, write_page

OUT = Path("out/demo")
PICTURES = 6


def main() -> None:
    """Train, score, draw; a line for each step as it is done."""
    start = time.monotonic()
    config = load_config("configs/demo-real.yaml" if os.environ.get("DRIVE_REAL") else "configs/demo.yaml")
    data = config.test or config.stages[-1].data
    print(f"1. training a small planner on {config.stages[-1].data.root}: six pictures in, trajectory tokens out")
    run = train(config, fresh=True)
    seconds = time.monotonic() - start
    assert run.before is not None
    print(f"   L2 at 1, 2 and 3 s on average: {run.before.l2_average:.2f} m before, {run.after.l2_average:.2f} m after {seconds:.0f} s\n")
    planner = load_planner(run.checkpoint)
    assert isinstance(planner, NetworkPlanner)
    planner.name = "demo"
    dataset = open_dataset(expand(data.root), split=data.split, window=planner.window)
    print(f"2. scoring it on {describe(config)}")
    report = evaluate(dataset.without_maps(), [planner])
    print(text_table(report))
    report.save(OUT)
    page = write_demo_page(run, config, report, planner, dataset)
    print(f"\n3. pictures: {page}   ({time.monotonic() - start:.0f} s in all)")


def describe(config: RunConfig) -> str:
    """What the scores were measured on, said plainly."""
    if config.test is None:
        return "the very windows it was trained on (memorised: this shows that pixels reach the plan, not that it can drive)"
    return f"scenes it was not trained on ({config.test.split} of {config.test.root})"


def write_demo_page(run: Run, config: RunConfig, report: Report, planner: NetworkPlanner, dataset: Dataset) -> Path:
    """The page: numbers, table, and pictures spread over the data."""
    assert run.before is not None
    header, rows = protocol_rows(report, "exact")
    blocks: list[Block] = [
        Numbers([(f"{run.before.l2_average:.2f} m", "L2 before training, mean of 1, 2, 3 s"), (f"{run.after.l2_average:.2f} m", "after")]),
        Text(f"Scored on {describe(config)}."),
        Table(header, rows),
        Heading("What it saw and planned"),
    ]
    whole = [i for i, sample in enumerate(dataset.without_maps()) if sample.target.future.valid.all()]
    for i in sorted({whole[int(place)] for place in np.linspace(0, len(whole) - 1, PICTURES)}):
        sample = dataset[i]
        try:
            picture = draw_frame(sample, planner.plan(sample.observation), planner.name)
            blocks.append(Image(picture, f"{sample.scene}, key frame {sample.index}", photo=True))
        except PlanError as error:
            blocks.append(Text(f"{sample.scene}, key frame {sample.index}: no plan ({error})"))
    return write_page(OUT / "index.html", "drive demo", blocks, "A planner trained a minute ago, from six cameras to trajectory tokens.")


if __name__ == "__main__":
    main()
