"""`make demo`: train a small planner, score it beside constant velocity and the recorded drive, and write a page of pictures;
then let the shipped driver steer through a busy town by its cameras, its thoughts beside its pictures.

The planner is trained on the embedded synthetic data, or on real frames where DRIVE_REAL names their folder.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from drive.asking import common_window
from drive.config import DatasetConfig, RunConfig, expand, load_config
from drive.data.dataset import Dataset, open_dataset
from drive.eval.evaluate import evaluate
from drive.eval.report import Report
from drive.eval.table import ANSWERED, protocol_rows, text_table
from drive.make.recipe import FIRST_TEST_TOWN
from drive.planners.load import load_planner, load_sim_planner
from drive.planners.network import NetworkPlanner
from drive.progress import Progress
from drive.schema import PlanError
from drive.sim.draw_sight import save_surround_video
from drive.sim.page import save_page
from drive.sim.rollout import Loop
from drive.sim.saved import replay_file
from drive.sim.sight import Sight
from drive.sim.simulate import choose_episodes, run_episodes
from drive.train.loop import Run, train
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.objectives import STUDENT, make_objective
from drive.viz.frame import draw_frame
from drive.viz.page import Block, Heading, Image, Numbers, Table, Text, write_page

OUT = Path("out/demo")
PICTURES = 6
DRIVERS = ("heedful:first-answers", "ego-mlp", "expert")
RIG = "first-drive"
TOWN = FIRST_TEST_TOWN + 4  # one that the shipped planner masters; how many of others it does, docs/first-answers.md tells
# Training takes as many steps as fit into this, at least FEWEST and at most those of the configuration.
TRAINING_S = 120.0
FEWEST = 30
TIMED = 2  # steps by which the pace is measured, after one that warms up


def main() -> None:
    """Train, score, draw; a line for each step as it is done, at once though it goes to a file or a pipe."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with Progress() as progress:
        demonstrate(progress)


def demonstrate(progress: Progress) -> None:
    """The whole demonstration."""
    start = time.monotonic()
    config = load_config("configs/demo-real.yaml" if os.environ.get("DRIVE_REAL") else "configs/demo.yaml")
    data = config.test or config.stages[-1].data
    assert isinstance(data, DatasetConfig)
    print(f"1. training a small planner on {data.root}: six pictures in, trajectory tokens out")
    progress.begin("measuring how fast this machine trains")
    config = fitted(config)
    progress.end()
    print(f"   {config.stages[-1].steps} steps; before and after them the plans are measured")
    run = train(config, fresh=True)
    seconds = time.monotonic() - start
    assert run.before is not None and run.after is not None
    print(f"   L2 at 1, 2 and 3 s on average: {run.before.l2_average:.2f} m before, {run.after.l2_average:.2f} m after {seconds:.0f} s\n")
    planner = load_planner(run.checkpoint)
    assert isinstance(planner, NetworkPlanner)
    planner.name = "demo"
    dataset = open_dataset(expand(data.root), split=data.split, window=common_window([planner]))
    print(f"2. scoring it on {describe(config)}")
    report = evaluate(dataset.without_maps(), [planner], progress=progress)
    progress.end()
    print(text_table(report))
    report.save(OUT)
    progress.begin("drawing pictures")
    page = write_demo_page(run, config, report, planner, dataset)
    progress.end()
    print(f"\n3. pictures: {page}\n")
    print("4. the shipped planner drives a busy town by sight, beside the one that sees nothing and the one that knows everything")
    drive_page = drive_by_sight(OUT / "drive", progress)
    progress.end()
    print(f"   video: {drive_page}   ({time.monotonic() - start:.0f} s in all)")


def fitted(config: RunConfig) -> RunConfig:
    """The run with as many steps as this machine takes in `TRAINING_S`."""
    stage = config.stages[-1]
    steps = int(np.clip(TRAINING_S / seconds_a_step(config), FEWEST, max(FEWEST, stage.steps)))
    return replace(config, stages=(*config.stages[:-1], replace(stage, steps=steps)))


def seconds_a_step(config: RunConfig) -> float:
    """Wall time of one training step: a batch forward and back."""
    stage = config.stages[-1]
    kind = kind_of(config.model)
    mix, network = open_mix(stage.data, kind.needs(config.model)), kind.build(config.model).train()
    objective, generator = make_objective(stage.objective, config.model, torch.device("cpu")), torch.Generator()
    torch.set_num_threads(config.threads or torch.get_num_threads())
    began = 0.0
    for step in range(1 + TIMED):
        began = began if step > 1 else time.monotonic()
        batch = objective.collate([objective.example(mix[i % len(mix)]) for i in range(stage.batch_size)], None)
        objective.loss({STUDENT: network}, batch, generator)[0].backward()
    return (time.monotonic() - began) / TIMED


def describe(config: RunConfig) -> str:
    """What the scores were measured on, said plainly."""
    if config.test is None:
        return "the very windows it was trained on (memorised: this shows that pixels reach the plan, not that it can drive)"
    assert isinstance(config.test, DatasetConfig)
    return f"scenes it was not trained on ({config.test.split} of {config.test.root})"


def write_demo_page(run: Run, config: RunConfig, report: Report, planner: NetworkPlanner, dataset: Dataset) -> Path:
    """The page: numbers, table, and pictures spread over the data."""
    assert run.before is not None and run.after is not None
    header, rows = protocol_rows(report, "exact")
    blocks: list[Block] = [
        Numbers([(f"{run.before.l2_average:.2f} m", "L2 before training, mean of 1, 2, 3 s"), (f"{run.after.l2_average:.2f} m", "after")]),
        Text(f"Scored on {describe(config)}."),
        Table(header, rows, f"L2 in metres, rates in per cent, [95 % interval], {ANSWERED}"),
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


def drive_by_sight(out: Path, progress: Progress) -> Path:
    """A town that no planner has learned from, with traffic: a page with the table, what it saw and what it thought."""
    episodes = choose_episodes(["town"], 1, TOWN, ["ordinary"], "reactive")
    sight = Sight(RIG)
    report = run_episodes(episodes, DRIVERS, load_sim_planner, Loop(2.0, sight=sight), out=out, videos=0, progress=progress)
    progress.end()
    print(report.table())
    first = report.scores[0]
    progress.begin("drawing the video")
    run, _ = replay_file(out / "drives" / f"{first.planner}-{first.name}.json")
    video = save_surround_video(run, sight, out / "videos" / f"{first.planner}-{first.name}.mp4", every=4)
    return save_page(report, out, {(first.planner, first.name): video})


if __name__ == "__main__":
    main()
