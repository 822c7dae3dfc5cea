"""Is curation worth it: the arms' decisions, what is done once, intervals over seeds and towns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from drive.config import RecordsConfig
from drive.config.load import load_config
from drive.curate.recipe import CurationRecipe
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict, read_decisions
from drive.records.pack import Settings, pack
from drive.sim.episodes import Episode
from tools import compare_curation, curation_runs
from tools.contaminate import Mixer, write_records
from tools.crossed import interval, table
from tools.curation_arms import (
    ANY,
    CHOSEN,
    CLEAN,
    CURATED,
    EVEN,
    MAIN,
    MIXED,
    RANDOM,
    TRUTH,
    Curations,
    arms,
    at_random,
    decisions_file,
    shared,
    well_chosen,
)

TINY = """
threads: 1
model:
  inputs: {history: false, rates: false, motion: false}
  camera: {backbone: mobilenetv4_conv_small_035, width: 64, height: 32, stretch: true}
  transformer: {width: 32, depth: 1, heads: 2, kv_heads: 1, head_dim: 16, mlp_width: 48}
stages: [{batch_size: 4, warmup_steps: 1, flush_every: 1}]
test: {kind: records, root: %s, split: %s}
"""


@pytest.fixture(scope="module")
def records(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clean folder of 14 records, and its mix."""
    folder = tmp_path_factory.mktemp("worth")
    pack(Settings((str(embedded),), shares=(("train", 1.0),), limit=14), folder / "clean")
    clean = RecordFolder(folder / "clean")
    write_records(folder / "mix", Mixer([clean], None, 0).samples(), clean.window)
    return folder / "clean", folder / "mix"


def test_arms_differ_in_their_decisions_alone(records: tuple[Path, Path], tmp_path: Path) -> None:
    clean, mix = records
    found = {arm.name: arm for arm in arms(Curations(clean, mix, tmp_path, CurationRecipe()), passes=True)}
    assert tuple(found)[: len(MAIN)] == MAIN and "only copies" in found and "only unread" not in found
    kept = {name: [one.id for one in arm.verdicts(0) if one.kept] for name, arm in found.items()}
    tokens, all_mixed = set(RecordFolder(clean).tokens), RecordFolder(mix).tokens
    assert set(kept[CLEAN]) == tokens and tuple(kept[MIXED]) == all_mixed
    assert kept[EVEN] == kept[CURATED] and {one.weight for one in found[EVEN].verdicts(0)} == {0.0, 1.0}
    assert set(kept[TRUTH]) < tokens and set(all_mixed) - set(kept[TRUTH]) > set(all_mixed) - tokens
    assert len(kept[CURATED]) == len(kept[RANDOM]) < len(kept[MIXED]) and set(kept[CURATED]) != set(kept[RANDOM])
    assert len(kept[CHOSEN]) == len(kept[ANY]) == round(0.3 * 14) and set(kept[CHOSEN]) | set(kept[ANY]) <= tokens
    assert {name for name, arm in found.items() if arm.once} == set(found) - set(MAIN)
    copies = [one for one in found["only copies"].verdicts(0) if not one.kept]
    assert copies and all(reason.startswith("copies: ") for one in copies for reason in one.reasons)
    again = read_decisions(tmp_path / "curation-mix" / "curation.parquet")
    assert [again[one.id].kept for one in found[CURATED].verdicts(0)] == [one.kept for one in found[CURATED].verdicts(0)]


def test_at_random_is_another_draw_for_every_seed() -> None:
    verdicts = [Verdict(str(k), True, 2.0) for k in range(40)]
    draws = [{one.id for one in at_random(verdicts, 10, seed) if one.kept} for seed in (0, 1, 0)]
    assert [len(one) for one in draws] == [10, 10, 10] and draws[0] == draws[2] != draws[1]
    assert {one.weight for one in at_random(verdicts, 10, 0)} == {0.0, 1.0}


def test_rare_situations_and_hard_examples_are_chosen_first() -> None:
    def one(k: int, situation: str, weight: float, hard: float, kept: bool = True) -> Verdict:
        return Verdict(f"{situation}{k}", kept, weight, tags=(f"situation:{situation}",), scores={"alike.hard": hard})

    usual = [one(k, "straight", 0.5, hard=k / 100) for k in range(36)]  # 18 drawn in an epoch
    rare = [one(k, "left", 1.5, hard=k / 100) for k in range(4)]  # 6
    dropped = [one(9, "left", 0.0, 0.9, kept=False)]
    found = [verdict.id for verdict in well_chosen([*usual, *rare, *dropped], 12) if verdict.kept]
    assert Counter(name.rstrip("0123456789") for name in found) == {"straight": 9, "left": 3}
    assert set(found) == {f"straight{k}" for k in range(27, 36)} | {"left1", "left2", "left3"}
    assert shared({"a": 2, "b": 10}, {"a": 5.0, "b": 1.0}, 6) == {"a": 2, "b": 4}
    assert shared({"a": 2}, {"a": 1.0}, 6) == {"a": 2}


def test_a_comparison_is_done_once_and_goes_on(
    records: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, mix = records
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY % (clean, RecordFolder(clean).scenes[0]))
    driven = []

    def drives(run: object, exam: curation_runs.Exam, traffic: str, first: int, count: int) -> curation_runs.Values:
        driven.append((traffic, first, count))
        return {metric: {Episode("town", first + k).name: float(k) for k in range(count)} for metric in curation_runs.DRIVEN}

    monkeypatch.setattr(curation_runs, "closed_loop", drives)
    command = [str(config), str(clean), str(mix), str(tmp_path / "out"), "--arms", MIXED, CURATED, "--seeds", "1", "--steps", "2"]
    command += ["--first", "7", "--workers", "2", "--towns"]
    assert compare_curation.main([*command, "2"]) == 0
    assert driven == [("empty", 7, 2), ("reactive", 7, 2)] * 2
    told = capsys.readouterr().out
    assert "busy success" in told and "open l2_m" in told and (tmp_path / "out" / "table.txt").read_text() in told
    monkeypatch.setattr(curation_runs, "train", lambda run: pytest.fail("trained again"))
    (tmp_path / "out" / "curated-2-0" / "busy.json").unlink()
    assert compare_curation.main([*command, "2"]) == 0 and driven[4:] == [("reactive", 7, 2)]
    assert compare_curation.main([*command, "3"]) == 0 and driven[5:] == [("empty", 9, 1), ("reactive", 9, 1)] * 2
    assert len(curation_runs.found(tmp_path / "out" / "curated-2-0")["busy success"]) == 3
    first, second = (curation_runs.found(tmp_path / "out" / f"{name}-2-0") for name in (MIXED, CURATED))
    assert first["open l2_m"].keys() == second["open l2_m"].keys() == {RecordFolder(clean).scenes[0]}
    assert first["open l2_m"] != second["open l2_m"]
    with pytest.raises(ValueError, match="unknown arms"):
        compare_curation.main([*command[:5], "all"])


def test_decisions_that_were_trained_by_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    path, verdicts = tmp_path / "d" / "a.parquet", [Verdict("a", True, 1.0), Verdict("b", False, 0.0)]
    assert decisions_file(path, verdicts) == decisions_file(path, verdicts) == path
    with pytest.raises(ValueError, match="holds other decisions"):
        decisions_file(path, [verdicts[0], Verdict("b", True, 1.0)])


def test_a_training_is_the_last_stage_on_other_records(records: tuple[Path, Path], tmp_path: Path) -> None:
    run = curation_runs.training(load_config("configs/curation.yaml"), tmp_path, records[1], tmp_path / "d.parquet", 7, 3)
    data = run.stages[0].data
    assert isinstance(data, RecordsConfig) and (data.root, data.decisions) == (str(records[1]), str(tmp_path / "d.parquet"))
    assert len(run.stages) == 1 and run.stages[0].steps == 7 and run.seed == 3
    assert isinstance(run.test, RecordsConfig) and not run.test.decisions


def test_intervals_are_as_wide_as_seeds_and_towns_make_them() -> None:
    towns = np.array([1.0, 2.0, 3.0, 4.0])
    mean, low, high = interval(np.array([towns, towns, towns]))
    # No seed differs: the t interval of four towns, 2.5 +- 3.182 * 1.291 / 2; less by nothing that both make.
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - 2.0543, 2.5 + 2.0543), abs=1e-3)
    seeds = np.array([[1.0] * 5, [2.0] * 5, [3.0] * 5])
    # No town differs: the t interval of three seeds, 2 +- 4.303 / sqrt 3.
    assert interval(seeds) == pytest.approx((2.0, 2.0 - 2.4841, 2.0 + 2.4841), abs=1e-3)
    assert interval(np.array([[1.0, 3.0]]))[1:] == interval(np.array([[1.0], [3.0]]))[1:]
    assert np.isnan(interval(np.array([[1.0]]))[1]) and interval(np.ones((3, 4))) == (1.0, 1.0, 1.0)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, inside = np.random.default_rng(0), 0
    for _ in range(400):
        values = 0.3 * rng.normal(size=(3, 1)) + 0.5 * rng.normal(size=(1, 12)) + 0.5 * rng.normal(size=(3, 12))
        _, low, high = interval(values)
        inside += low <= 0 <= high
    assert 0.92 <= inside / 400 <= 0.995


def test_differences_are_taken_on_the_same_seeds_and_towns() -> None:
    base = {seed: {"l2": {"a": 1.0 + seed, "b": 5.0 + seed}} for seed in range(3)}
    better = {seed: {"l2": {"b": 4.5 + seed, "a": 0.5 + seed}, "success": {"a": 1.0}} for seed in range(2)}
    rows = table({"first": base, "second": better, "third": {0: {}}}, "l2", "first")
    assert [row[0] for row in rows[1:]] == ["first", "second"]
    assert rows[2][1:3] == ["2", "2"] and rows[2][4] == "-0.500 (-0.500 to -0.500)" and rows[1][4] == ""


def test_intervals_of_shares_end_where_shares_do() -> None:
    few = {0: {"success": {"a": 1.0, "b": 0.0, "c": 0.0}}}
    assert table({"one": few}, "success", "other", most=1.0)[1][3] == "0.333 (0.000 to 1.000)"
    assert table({"one": few}, "success", "other")[1][3] == "0.333 (0.000 to 1.768)"
