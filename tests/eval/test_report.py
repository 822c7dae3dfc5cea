"""Reports: rows, slices, paired differences, dropped variants, published rows, the table and the page."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from drive.baselines import StandStill
from drive.eval.evaluate import evaluate
from drive.eval.openloop.registry import PROTOCOLS
from drive.eval.page import write_report
from drive.eval.plans import check_range
from drive.eval.published import FILE, published_rows
from drive.eval.reasons import grouped
from drive.eval.report import DROPPED, Report
from drive.eval.table import SHOWN_REASONS, text_table
from drive.schema import Observation, Plan, PlanError, SceneSample

ROW_KEYS = {
    "planner", "protocol", "metric", "value", "low", "high", "unit", "requested", "scored", "failed", "slice", "version", "settings_hash",
    "answered",
}  # fmt: skip


class Shifted:
    """Stands still beside where it is; every fourth sample fails."""

    name = "shifted"

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        if observation.token.endswith(("0", "4", "8")):
            raise PlanError("every fourth")
        poses = np.zeros((1, 6, 3))
        poses[..., 1] = 0.5
        return Plan(poses, observation.future_times_s)


@pytest.fixture(scope="module")
def samples(drives: Callable[..., list[SceneSample]]) -> list[SceneSample]:
    return drives(4, frames=20)


@pytest.fixture(scope="module")
def report(samples: list[SceneSample]) -> Report:
    return evaluate(samples, [StandStill(), Shifted()], protocols=["all"], published=True, pairs=True)


def test_rows_are_tidy_and_unique(report: Report) -> None:
    assert all(set(row) == ROW_KEYS for row in [*report.rows, *report.slices])
    names = [(r["planner"], r["protocol"], r["metric"], r["slice"]) for r in report.rows]
    assert len(set(names)) == len(names)
    assert {r["protocol"] for r in report.rows} == set(PROTOCOLS)
    for row in report.rows:
        assert row["requested"] == row["scored"] + row["failed"]
        assert row["settings_hash"] == PROTOCOLS[row["protocol"]].settings_hash
        if row["value"] is not None and row["low"] is not None:
            assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9


def test_averages_are_those_of_the_horizons(report: Report) -> None:
    for protocol in ("exact", "uniad", "vad"):
        rows = {r["metric"]: r["value"] for r in report.rows if (r["planner"], r["protocol"]) == ("stand-still", protocol)}
        for stem in ("l2", "collision"):
            assert rows[f"{stem}_avg"] == pytest.approx(np.mean([rows[f"{stem}_{s}s"] for s in (1, 2, 3)]))


def test_slices_part_the_samples(report: Report) -> None:
    whole = {(r["planner"], r["protocol"], r["metric"]): r for r in report.rows if r["slice"] == "all"}
    for key, row in whole.items():
        parts = [r for r in report.slices if (r["planner"], r["protocol"], r["metric"]) == key]
        assert {r["slice"] for r in parts} == {"straight", "turning"}
        assert sum(r["requested"] for r in parts) == row["requested"]
        assert sum(r["failed"] for r in parts) == row["failed"]


def test_dropped_variant_stands_beside_where_the_original_drops(report: Report) -> None:
    """LightEMMA leaves out what does not parse: its bounded metric is shown both ways, under names of their own."""
    rows = {r["slice"]: r for r in report.rows if (r["planner"], r["protocol"], r["metric"]) == ("shifted", "lightemma", "miss_rate")}
    assert set(rows) == {"all", DROPPED}
    assert rows["all"]["failed"] > 0 and rows[DROPPED]["failed"] == 0
    share = rows["all"]["failed"] / rows["all"]["requested"]
    assert rows["all"]["value"] == pytest.approx(share + (1 - share) * rows[DROPPED]["value"])
    assert {r["protocol"] for r in report.rows if r["slice"] == DROPPED} == {"lightemma"}
    assert "shifted (failures dropped)" in text_table(report)


def test_differences_are_paired_on_what_both_answered(report: Report, samples: list[SceneSample]) -> None:
    (row,) = [
        c for c in report.comparisons
        if (c["planner"], c["against"], c["protocol"], c["metric"]) == ("shifted", "stand-still", "exact", "l2_3s")
    ]  # fmt: skip
    assert row["samples"] + row["left_out"] == sum(s.target.future.valid.all() for s in samples) and row["left_out"] > 0
    both = [s for s in samples if s.target.future.valid.all() and not s.token.endswith(("0", "4", "8"))]
    end = np.array([s.target.future.poses[-1, :2] for s in both])
    assert row["samples"] == len(both)
    assert row["difference"] == pytest.approx((np.hypot(end[:, 0], end[:, 1] - 0.5) - np.hypot(*end.T)).mean(), abs=1e-6)
    assert row["low"] <= row["difference"] <= row["high"]
    assert not any("log" in (c["planner"], c["against"]) for c in report.comparisons)


def test_published_rows_stay_under_their_protocol(report: Report) -> None:
    assert {r["protocol"] for r in report.published} <= set(PROTOCOLS)
    assert all(r["source"] and r["protocol"] in PROTOCOLS for r in report.published)
    only = published_rows(["uniad"])
    assert only and {r["protocol"] for r in only} == {"uniad"}
    (row,) = [r for r in published_rows(["bevplanner"]) if r["planner"].startswith("Ego-MLP") and r["metric"] == "ccr_3s"]
    assert row["value"] == pytest.approx(0.066) and row["unit"] == ""
    tables = {part.split(" ")[0]: part for part in text_table(report).split("\n\n")}
    assert "published: UniAD " in tables["uniad"] and "nuScenes val" in tables["uniad"]
    assert "published: OpenDriveVLA 7B" in tables["uniad-stp3"] and "published: OpenDriveVLA" not in tables["vad"]
    assert "SparseDrive-S" in tables["sparsedrive"] and "older" not in tables["sparsedrive"]
    assert tables["sparsedrive"].count("published: SparseDrive-S") == 1
    assert "no road-boundary rate (ccr)" in tables["bevplanner"]
    assert "published" not in tables["exact"]


def test_published_means_agree_with_their_horizons() -> None:
    """A slip of the pen would show: where all four are given, the mean of three lies within rounding of the fourth."""
    with FILE.open(newline="") as file:
        records = list(csv.DictReader(file))
    assert len(records) > 90 and all(r["source"] for r in records)
    off = set()
    for record in records:
        for stem in ("l2", "collision", "ccr"):
            values = [record[f"{stem}_{h}"] for h in ("1s", "2s", "3s", "avg")]
            if all(values):
                first, second, third, mean = map(float, values)
                if abs((first + second + third) / 3 - mean) > 0.0151:
                    off.add((record["method"], stem))
    names = [(r["protocol"], r["method"], r["note"], r["source"]) for r in records]
    assert len(set(names)) == len(names)
    # These two do not add up in their sources.
    assert off == {("RDA-Driver", "l2"), ("Ego-MLP", "ccr")}


def test_report_file_is_plain_json(report: Report, tmp_path: Path) -> None:
    data = json.loads(report.save(tmp_path / "out").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert data["schema"] == 1 and data["command"] == "eval"
    assert len(data["rows"]) == len(report.rows) and data["failures"] == report.failures
    assert set(data["protocols"]) == set(PROTOCOLS) and data["settings"]["excused_steps"]["vad"]["steps"] > 0


def test_table_shows_counts_and_reasons(report: Report) -> None:
    text = text_table(report)
    assert re.search(r"shifted +.* 56 +40 +16$", text, re.M)
    assert "failed: shifted: " in text and "every fourth" in text
    assert re.search(r"excused: \d+ of \d+ steps", text) and "shifted - stand-still" in text


def test_many_reasons_are_counted_not_listed(samples: list[SceneSample]) -> None:
    class Picky(Shifted):
        def plan(self, observation: Observation, samples: int = 1) -> Plan:
            if observation.token != observation.token.upper():
                raise PlanError(f"no {observation.token}.jpg")
            return super().plan(observation, samples)

    report = evaluate(samples, [Picky()])
    lines = [line for line in text_table(report).splitlines() if line.startswith("failed: shifted")]
    assert len(lines) == SHOWN_REASONS + 1
    assert lines[-1].startswith(f"failed: shifted: {56 - SHOWN_REASONS} more samples for {56 - SHOWN_REASONS} other reasons")


def test_reasons_that_differ_in_numbers_alone_are_one(samples: list[SceneSample]) -> None:
    class Millimetres(Shifted):
        def plan(self, observation: Observation, samples: int = 1) -> Plan:
            plan = super().plan(observation, samples)
            check_range(plan.best * 1000 + 1500 + int(observation.token[-2:], 16))
            return plan

    lines = [line for line in text_table(evaluate(samples, [Millimetres()])).splitlines() if line.startswith("failed: shifted")]
    assert [line.split(" x ")[0] for line in lines][0] == "failed: shifted: 40" and len(lines) <= 2
    assert "coordinates are metres: are these cm or mm?" in lines[0] and "others alike, with other numbers" in lines[0]


def test_names_with_digits_are_no_numbers() -> None:
    reasons = [("a", "no CAM_1.jpg, 3 m"), ("b", "no CAM_2.jpg, 4 m"), ("c", "no CAM_1.jpg, 1.5e+03 m"), ("d", "no CAM_1.jpg, 3 m")]
    told = "no CAM_1.jpg, 3 m; others alike, with other numbers"
    assert grouped(reasons) == [(told, ["a", "c", "d"]), ("no CAM_2.jpg, 4 m", ["b"])]


def test_page_is_self_contained(samples: list[SceneSample], tmp_path: Path) -> None:
    names = ["exact", "bevplanner", "lightemma"]
    path = write_report(evaluate(samples, [StandStill(), Shifted()], protocols=names, published=True), tmp_path)
    html = path.read_text()
    assert "http" not in html.replace("http-equiv", "") and "<script" not in html
    charts = [ElementTree.fromstring(found) for found in re.findall(r'<svg class="chart".*?</svg>', html, re.S)]
    assert len(charts) == 2 + 2 + 2 + 1  # the overview; L2 and collisions of two protocols, L2 alone of the third
    told = [title.text or "" for chart in charts for title in chart.iter("title")]
    assert any(re.fullmatch(r"shifted: [\d.]+ \[[\d., ]+\], [\d.]+ over the answered samples", text) for text in told)
    for name in [*names, "every fourth", "stand-still", "nuScenes val"]:
        assert name in html


HOSTILE = ("$\\frac{$", "\x1b[31mred\x1b[0m", "<b>&", "_hidden", "x" * 40, "\u202eright to left", "ein Planer", "\ud800")


def test_any_name_is_shown_as_it_is(samples: list[SceneSample], tmp_path: Path) -> None:
    """Eight planners whose names are formulas, escape sequences, markup, or long: all are there, none does anything."""
    planners = []
    for name in HOSTILE:
        planner = StandStill()
        planner.name = name
        planners.append(planner)
    report = evaluate(samples[:8], planners, protocols=["exact", "uniad"])
    text, html = text_table(report), write_report(report, tmp_path).read_text()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text + html.replace("\n", "")) and "\\x1b[31mred" in text
    for name in ("$\\frac{$", "\\x1b[31mred\\x1b[0m", "&lt;b&gt;&amp;", "_hidden", "x" * 40, "\\u202eright to left", "\\ud800"):
        assert html.count(f"</svg>{name}</li>") == 3, name
    assert len({line.find("requested") for line in text.splitlines() if line.startswith("planner ")}) == 1
    report.save(tmp_path)


def test_failures_stand_beside_the_rate_of_the_answered(samples: list[SceneSample]) -> None:
    """Where all that collides is a failure, the answered samples' rate is 0: table, rows and differences say both."""

    class Picky(Shifted):
        def plan(self, observation: Observation, samples: int = 1) -> Plan:
            if observation.token.endswith("4"):
                raise PlanError("every tenth")
            return Plan(truth[observation.token][None], observation.future_times_s)

    truth = {s.token: s.target.future.poses for s in samples}
    report = evaluate(samples, [Picky()])
    rows = {(r["planner"], r["metric"]): r for r in report.rows}
    row = rows["shifted", "collision_3s"]
    both = [s for s in samples if s.target.future.valid.all()]
    failed = sum(s.token.endswith("4") for s in both)
    assert row["failed"] == failed > 0
    answered = row["scored"]
    assert row["value"] == pytest.approx((failed + row["answered"] * answered) / len(both))
    assert rows["shifted", "l2_3s"]["answered"] == rows["shifted", "l2_3s"]["value"] == pytest.approx(0, abs=1e-5)
    line = next(line for line in text_table(report).splitlines() if line.startswith("shifted "))
    assert f"{100 * row['value']:.2f} ({100 * row['answered']:.2f})" in line
    (difference,) = [c for c in report.comparisons if c["metric"] == "collision_3s"]
    assert difference["samples"] == len(both)
    steady = rows["constant-velocity", "collision_3s"]
    assert difference["samples_answered"] == answered - steady["failed"] and steady["failed"] > 0
    assert difference["difference"] == pytest.approx(row["value"] - steady["value"])


def test_each_planner_is_compared_with_the_baseline_alone_unless_asked(samples: list[SceneSample]) -> None:
    planners = [StandStill(), Shifted()]
    pairs = {(c["planner"], c["against"]) for c in evaluate(samples[:8], planners).comparisons}
    assert pairs == {("stand-still", "constant-velocity"), ("shifted", "constant-velocity")}
    assert len({(c["planner"], c["against"]) for c in evaluate(samples[:8], planners, pairs=True).comparisons}) == 3


def test_dropped_categories_are_named_and_counted_in_each_table(samples: list[SceneSample]) -> None:
    """`car` and `human.robot` are no categories of nuScenes: exact keeps what is human or a vehicle by name, SparseDrive everything."""
    renamed = {"vehicle.car": "car", "human.pedestrian.adult": "human.robot"}
    changed = []
    for sample in samples:
        agents = dataclasses.replace(sample.target.agents, categories=tuple(renamed.get(c, c) for c in sample.target.agents.categories))
        changed.append(dataclasses.replace(sample, target=dataclasses.replace(sample.target, agents=agents)))
    report = evaluate(changed, protocols=["exact", "uniad", "sparsedrive", "lightemma"])
    there = Counter[str]()
    for s in (s for s in changed if s.target.future.valid.all()):
        now = s.target.agents.valid[:, s.target.agents.now]
        there.update(c for c, valid in zip(s.target.agents.categories, now, strict=True) if valid)
    dropped = report.settings["dropped_categories"]
    assert dropped["exact"] == {"car": there["car"]} and there["car"] > 0
    assert set(dropped["uniad"]) == {"car", "human.robot"} and set(dropped) == {"exact", "uniad"}
    tables = {part.split(" ")[0]: part for part in text_table(report).split("\n\n")}
    assert f"dropped: {there['car']} annotations at t0 whose category nuScenes does not have: car {there['car']}" in tables["exact"]
    assert "human.robot" in tables["uniad"] and "dropped" not in tables["sparsedrive"]
    assert not evaluate(samples, protocols=["uniad"]).settings["dropped_categories"]
