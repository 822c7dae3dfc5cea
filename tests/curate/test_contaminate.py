"""The contamination bench: faults are what they say, and the table counts by hand-made decisions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive.curate.rigs import calibration, turned_deg
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict
from drive.records.pack import Settings, pack
from drive.schema import SceneSample
from tools import contaminations as faults
from tools.contaminate import Mixer, table, write_records


@pytest.fixture(scope="module")
def clean(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> RecordFolder:
    out = tmp_path_factory.mktemp("contaminate") / "clean"
    pack(Settings((str(embedded),), shares=(("train", 1.0),), limit=42), out)
    return RecordFolder(out)


def test_faults(embedded: Path) -> None:
    samples, rng = list(open_dataset(embedded, limit=14)), np.random.default_rng(0)
    own, other = samples[2], samples[9]
    assert faults.commanded(own, rng).observation.command != own.observation.command
    wrong = faults.shifted(own, own)
    assert wrong is None
    view = own.observation.frames[-1].cameras[1]
    off = faults.miscalibrated(own, ("yaw", 5.0, 1)).observation.frames[-1].cameras[1]
    assert turned_deg(calibration(view), calibration(off)) == pytest.approx(5.0, abs=0.01)
    zoomed = faults.miscalibrated(own, ("zoom", 0.2, 1)).observation.frames[-1].cameras[1]
    assert zoomed.camera.K[0, 0] == pytest.approx(1.2 * view.camera.K[0, 0]) and zoomed.camera.K[0, 2] == pytest.approx(view.camera.K[0, 2])
    shown = [
        v
        for v, w in zip(faults.frozen(own, other, rng).observation.frames[-1].cameras, own.observation.frames[-1].cameras, strict=True)
        if v is not w
    ]
    assert shown
    again = faults.duplicate(own, 7, rng)
    assert again.token == f"again7-{own.token}" and _change(again, own) < 12


def _change(one: SceneSample, other: SceneSample) -> float:
    pictures = [read_image(s.observation.frames[-1].cameras[0])[1].astype(float) for s in (one, other)]
    return float(np.abs(pictures[0] - pictures[1]).mean())


def test_a_mix_is_records_with_its_truth(clean: RecordFolder, tmp_path: Path) -> None:
    truth = write_records(tmp_path / "mix", Mixer([clean], None, 0).samples(), clean.window, per_shard=32)
    mixed = RecordFolder(tmp_path / "mix")
    assert list(truth) == list(mixed.tokens) and all(mixed.is_whole(i) for i in range(len(mixed)))
    kinds = list(truth.values())
    assert kinds.count("duplicate") == round(1.1 * 42 * 0.3 / 0.7) and kinds.count("frozen") == kinds.count("command") == 2
    for i, name in enumerate(mixed.tokens):
        if name in clean.tokens:
            same = mixed[i].observation.command == clean.sample(name).observation.command
            assert same == (truth[name] != "command")


def test_the_table_counts() -> None:
    truth = {"a": "", "b": "", "c": "command", "d": "command", "again0-a": "duplicate", "again1-a": "duplicate", "e": ""}
    reasons = {"a": "copies: x", "again0-a": "copies: x", "c": "contradictions: its command is left", "e": "frozen: x"}
    found = {name: Verdict(name, name not in reasons, 1.0, (reasons[name],) if name in reasons else ()) for name in truth}
    rows = {line.split()[0]: line.split()[1:] for line in table(truth, found).splitlines()}
    assert rows["duplicate"] == ["2", "2", "2", "1.000", "1.000", "1.000"]
    assert rows["command"] == ["2", "1", "1", "1.000", "0.500", "0.500"]
    assert rows["frozen"] == ["0", "1", "0", "0.000", "-", "-"]
    assert rows["any"][:4] == ["4", "4", "3", "0.750"]
    assert rows["of"] == ["3", "clean", "records", "1", "are", "kept"]


def test_a_share_may_be_dull() -> None:
    truth = {"a": "", **{f"dull{k}": "dull" for k in range(9)}}
    gone = {"a", *(f"dull{k}" for k in range(7))}
    found = {name: Verdict(name, name not in gone, 1.0, ("cruising: x",) if name in gone else ()) for name in truth}
    rows = [line.split() for line in table(truth, found, may_be_dull=0.1).splitlines()]
    assert next(row for row in rows if row[0] == "dull") == ["dull", "9", "8", "7", "0.875", "0.875", "0.875"]
    assert [row[:6] for row in (line.split() for line in table(truth, found).splitlines()) if row[0] == "dull"] == [
        ["dull", "9", "8", "7", "0.875", "0.778"]
    ]
