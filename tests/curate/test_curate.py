"""`drive curate` from end to end: records with known faults, decisions, the page, what is measured again and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.cli import main
from drive.curate import run as running
from drive.curate.recipe import CurationRecipe, load_recipe
from drive.data.dataset import open_dataset
from drive.data.records.decisions import read_decisions
from drive.records.pack import Settings, pack
from drive.values import to_yaml

FAULTS = {2: "blank", 5: "exposure", 8: "blurred"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def faulty(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Records of the embedded data set of which three have a fault in one picture; and what is wrong with which."""
    folder = tmp_path_factory.mktemp("curate")
    source = Path(shutil.copytree(embedded, folder / "source"))
    samples, wrong = list(open_dataset(source, maps=False, limit=12)), {}
    for number, fault in FAULTS.items():
        path = samples[number].observation.frames[-1].cameras[1].image
        assert isinstance(path, Path)
        picture = cv2.imread(str(path))
        hurt = {"blank": np.full_like(picture, 90), "exposure": picture // 12, "blurred": cv2.GaussianBlur(picture, (0, 0), 15)}[fault]
        cv2.imwrite(str(path), hurt)
        wrong[samples[number].token] = fault
    pack(Settings((str(source),), shares=(("train", 1.0),), per_shard=5, limit=12), folder / "records")
    return folder / "records", wrong


def test_each_fault_is_found_and_nothing_else(faulty: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    records, wrong = faulty
    assert main(["curate", str(records), "--json", "-q"]) == 0
    told = {row["pass"]: row["drops"] for row in json.loads(capsys.readouterr().out)}
    decisions = read_decisions(records / "curation" / "curation.parquet")
    dropped = {name: d.reasons for name, d in decisions.items() if not d.kept}
    assert set(dropped) == set(wrong)
    assert all(any(reason.startswith(f"{fault}: ") for reason in dropped[name]) for name, fault in wrong.items())
    assert told["exposure"] == 1 and told["frozen"] == told["one_picture"] == told["motion"] == 0
    assert sum(told.values()) == sum(map(len, dropped.values()))  # a dark picture is nearly blank too: every reason counts
    assert all(d.weight > 0 and d.tags for d in decisions.values() if d.kept) and all(decisions[name].weight == 0 for name in wrong)
    page = (records / "curation" / "index.html").read_text()
    assert "exposure: 1 dropped" in page and all(name in page for name in wrong) and page.count("data:image") >= 3
    assert main(["check", str(records), "-q"]) == 0


def test_facts_are_measured_once(faulty: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, wrong = faulty
    first = running.curate(records, CurationRecipe(), tmp_path)
    (tmp_path / "facts" / "train-000001.json").write_text('{"version": 1, "sha256": "of another shard", "records": []}')
    measured, real = [], running._measure
    monkeypatch.setattr(running, "_measure", lambda job: (measured.append(job.shard), real(job))[1])
    again = running.curate(records, CurationRecipe(), tmp_path)
    assert measured == ["train-000001.tar"] and again == first
    kinder = running.curate(records, CurationRecipe(blank=None, exposure=None, blurred=None), tmp_path)
    assert measured == ["train-000001.tar"] and all(decision.kept for decision in kinder.decisions) and wrong


def test_a_damaged_shard_is_named(faulty: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(faulty[0], tmp_path / "hurt", ignore=shutil.ignore_patterns("curation")))
    data = bytearray((folder / "train-000002.tar").read_bytes())
    data[5000] ^= 1
    (folder / "train-000002.tar").write_bytes(data)
    with pytest.raises(ValueError, match="train-000002.tar is damaged"):
        running.curate(folder, CurationRecipe(), tmp_path / "out")


def test_a_shard_damaged_after_it_was_measured_is_named(faulty: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(faulty[0], tmp_path / "hurt", ignore=shutil.ignore_patterns("curation")))
    running.curate(folder, CurationRecipe(), tmp_path / "out")
    shard = folder / "train-000002.tar"
    shard.write_bytes(shard.read_bytes()[:-1] + b"1")
    with pytest.raises(ValueError, match="train-000002.tar is damaged"):
        running.curate(folder, CurationRecipe(), tmp_path / "out")
    shard.unlink()
    with pytest.raises(ValueError, match="train-000002.tar is missing"):
        running.curate(folder, CurationRecipe(), tmp_path / "out")


def test_what_holds_no_records_is_said_to(mini: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no records: `drive pack"):
        running.curate(mini, CurationRecipe(), tmp_path)


def test_recipes(tmp_path: Path) -> None:
    assert load_recipe(ROOT / "configs/curate/default.yaml") == CurationRecipe() == load_recipe(None)
    path = tmp_path / "r.yaml"
    path.write_text("blank: null\nstanding: {keep_s: 1.5}\n")
    recipe = load_recipe(path)
    assert recipe.blank is None and recipe.standing is not None and recipe.standing.keep_s == 1.5
    path.write_text("blurd: {least_share: 1}\n")
    with pytest.raises(ValueError, match=r"unknown key blurd.*blurred"):
        load_recipe(path)
    assert "least_std" in to_yaml(CurationRecipe())
