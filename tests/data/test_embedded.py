"""The embedded rendered set: sound, small, whole, with all that benchmarks count."""

from __future__ import annotations

import json
from pathlib import Path

from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.sim.rollout import replay_human
from drive.sim.scores import score
from drive.world.recorded.nuscenes import scene_names, scene_world

LIMIT_BYTES, FILE_LIMIT_BYTES = 15_000_000, 5_000_000
CLASSES = 10


def test_check_finds_nothing(embedded: Path) -> None:
    report = check_dataset(embedded)
    assert (report.errors, report.warnings) == ([], [])
    assert report.counts["sensor files on disk"] == report.counts["sample"] * 7


def test_it_stays_small_and_names_every_file(embedded: Path) -> None:
    sizes = [path.stat().st_size for path in embedded.rglob("*") if path.is_file()]
    assert sum(sizes) <= LIMIT_BYTES and max(sizes) <= FILE_LIMIT_BYTES
    named = {row["filename"] for row in json.loads((embedded / "v1.0-mini" / "sample_data.json").read_text())}
    assert named == {str(path.relative_to(embedded)) for path in (embedded / "samples").rglob("*.*")}


def test_train_and_val_are_of_different_towns_and_have_whole_futures(embedded: Path) -> None:
    rows = {row["name"]: row for row in json.loads((embedded / "v1.0-mini" / "scene.json").read_text())}
    train, val = (open_dataset(embedded, split=split, maps=False) for split in ("train", "val"))
    assert {*train.scenes, *val.scenes} == set(rows)
    assert not {rows[name]["log_token"] for name in train.scenes} & {rows[name]["log_token"] for name in val.scenes}
    for dataset in (train, val):
        assert any(sample.target.future.valid.all() for sample in dataset)
        assert len({category for sample in dataset for category in sample.target.agents.categories}) == CLASSES


def test_a_scene_is_a_world_in_which_the_recorded_drive_is_clean(embedded: Path) -> None:
    run = replay_human(scene_world(embedded, scene_names(embedded)[0], reactive=False))
    assert run.outcome == "arrived" and score(run).values["success"] == 1.0
