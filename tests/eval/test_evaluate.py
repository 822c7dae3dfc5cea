"""`evaluate`: counts, failures, the rows that are always there, and the known answers on real data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drive.baselines import ConstantVelocity, StandStill
from drive.cli import main
from drive.data.dataset import open_dataset
from drive.eval.evaluate import evaluate
from drive.eval.plans import save_plans
from drive.eval.report import Report
from drive.frames import rotation_z, se3
from drive.schema import Observation, Plan, SceneSample

TIMES = np.arange(1, 7) * 0.5


@pytest.fixture(scope="module")
def samples(drives: Callable[..., list[SceneSample]]) -> list[SceneSample]:
    return drives(3, frames=12)


def row(report: Report, planner: str, metric: str, protocol: str = "exact") -> dict:
    (found,) = [r for r in report.rows if (r["planner"], r["protocol"], r["metric"], r["slice"]) == (planner, protocol, metric, "all")]
    return found


class Odd:
    """A planner that answers every third sample in a wrong way of its own."""

    name = "odd"

    def __init__(self, answer: Callable[[Observation], object]) -> None:
        self.answer, self.calls = answer, 0

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        self.calls += 1
        return self.answer(observation) if self.calls % 3 == 0 else StandStill().plan(observation)  # type: ignore[return-value]


BAD_ANSWERS: dict[str, Callable[[Observation], object]] = {
    "raises": lambda o: 1 / 0,
    "NaN": lambda o: Plan(np.full((1, 6, 3), np.nan), TIMES),
    "far away": lambda o: Plan(np.full((1, 6, 3), 1e6), TIMES),
    "five steps": lambda o: Plan(np.zeros((1, 5, 3)), TIMES[:5]),
    "other times": lambda o: Plan(np.zeros((1, 6, 3)), TIMES * 2),
    "an array": lambda o: np.zeros((1, 6, 3)),
    "nothing": lambda o: None,
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answers_are_failures_and_never_safe(samples: list[SceneSample], name: str) -> None:
    report = evaluate(samples, [Odd(BAD_ANSWERS[name])])
    good = row(evaluate(samples, [StandStill()]), "stand-still", "collision_3s")
    bad, l2 = row(report, "odd", "collision_3s"), row(report, "odd", "l2_3s")
    assert (bad["requested"], bad["scored"], bad["failed"]) == (18, 12, 6)
    assert (l2["requested"], l2["scored"], l2["failed"]) == (18, 12, 6)
    assert bad["value"] >= 6 / 18 and bad["value"] > good["value"]
    failures = [f for f in report.failures if f["planner"] == "odd"]
    assert len(failures) == 6 and all(f["token"] and f["reason"] for f in failures)
    assert report.failed


def test_constant_velocity_and_log_are_always_beside(samples: list[SceneSample]) -> None:
    report = evaluate(samples, [StandStill()])
    assert {r["planner"] for r in report.rows} == {"stand-still", "constant-velocity", "log"}
    assert row(report, "log", "l2_3s")["value"] == 0
    # First key frames of three scenes have no past. They are failures of a row nobody asked for: the run itself is fine.
    assert row(report, "constant-velocity", "l2_3s")["failed"] == 3
    assert not report.failed
    assert evaluate(samples, [ConstantVelocity()]).failed


def test_plans_file_is_scored_as_the_planner_itself(samples: list[SceneSample], tmp_path: Path) -> None:
    plans = {s.token: StandStill().plan(s.observation) for s in samples}
    save_plans(tmp_path / "plans.json", "stand-still", plans, TIMES)
    report = evaluate(samples, [StandStill()], [tmp_path / "plans.json"])
    for metric in ("l2_1s", "l2_avg", "collision_3s"):
        assert row(report, "stand-still (2)", metric)["value"] == row(report, "stand-still", metric)["value"]


def test_unknown_and_missing_tokens_are_listed(samples: list[SceneSample], tmp_path: Path) -> None:
    plans = {s.token: StandStill().plan(s.observation) for s in samples[1:]} | {"nobody": StandStill().plan(samples[0].observation)}
    save_plans(tmp_path / "plans.json", "partial", plans, TIMES)
    report = evaluate(samples, [], [tmp_path / "plans.json"])
    reasons = {f["token"]: f["reason"] for f in report.failures if f["planner"] == "partial"}
    assert reasons == {"nobody": "not a sample of this data set", samples[0].token: "no plan for this sample in the file"}
    assert row(report, "partial", "collision_1s")["failed"] == 1 and report.failed


@pytest.mark.parametrize("meta", [{"frame": "lidar"}, {"frame": "world"}, {"times_s": [1, 2, 3, 4, 5, 6]}])
def test_wrong_declarations_fail_every_sample(samples: list[SceneSample], tmp_path: Path, meta: dict) -> None:
    """The log's own ego-frame plans, declared otherwise than they are."""
    results = {s.token: {"trajectory": s.target.future.poses.tolist()} for s in samples if s.target.future.valid.all()}
    data = {"meta": {"planner": "wrong", "frame": "ego", "times_s": TIMES.tolist()} | meta, "results": results}
    (tmp_path / "plans.json").write_text(json.dumps(data))
    found = row(evaluate(samples, [], [tmp_path / "plans.json"]), "wrong", "collision_3s")
    assert (found["scored"], found["value"]) == (0, 1.0)


def test_scores_do_not_depend_on_the_world_frame(drives: Callable[..., list[SceneSample]]) -> None:
    world = se3(rotation_z(2.0), [70_711.0, -70_711.0, 120.0])
    here, there = (evaluate(drives(2, world=w, seed=5), [StandStill()], protocols=["all"]) for w in (None, world))
    assert len(here.rows) == len(there.rows)
    for a, b in zip(here.rows, there.rows, strict=True):
        assert a["metric"] == b["metric"]
        np.testing.assert_allclose(np.array(a["value"], dtype=float), np.array(b["value"], dtype=float), atol=1e-6)


def test_unknown_protocol_and_other_windows_are_refused(samples: list[SceneSample]) -> None:
    with pytest.raises(ValueError, match="known: all, exact"):
        evaluate(samples, protocols=["uniad2"])


def test_known_answer_on_nuscenes_mini(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """344 windows with a whole future, ten of them without a past; L2 of constant velocity as known from elsewhere."""
    assert main(["eval", str(real_data / "nuscenes-mini"), "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    rows = {r["metric"]: r for r in report["rows"] if r["planner"] == "constant-velocity" and r["protocol"] == "exact"}
    for metric, value in {"l2_1s": 0.416, "l2_2s": 1.224, "l2_3s": 2.385}.items():
        assert rows[metric]["value"] == pytest.approx(value, abs=6e-4)
        assert (rows[metric]["requested"], rows[metric]["scored"], rows[metric]["failed"]) == (344, 334, 10)
        assert rows[metric]["low"] < value < rows[metric]["high"]
    assert report["schema"] == 1 and report["command"] == "eval"
    assert "0.416" in capsys.readouterr().out


# As if it were not installed. (None in sys.modules is no such thing: scipy asks it for its Tensor.)
WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from drive.cli import main
"""


def test_evaluates_where_torch_cannot_be_imported(mini: Path, tmp_path: Path) -> None:
    """Names of planners included; only a checkpoint needs torch."""
    arguments = ["eval", str(mini), "--planner", "constant-velocity,stand-still", "--protocol", "all", "--limit", "20"]
    call = f"{WITHOUT_TORCH}sys.exit(main({[*arguments, '--published', '--out', str(tmp_path)]!r}))"
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert {r["planner"] for r in rows} == {"constant-velocity", "stand-still", "log"} and (tmp_path / "index.html").is_file()


def test_limit_does_not_turn_other_tokens_into_failures(real_data: Path, tmp_path: Path) -> None:
    dataset = open_dataset(real_data / "pandaset-002", maps=False)
    save_plans(tmp_path / "p.json", "still", {s.token: StandStill().plan(s.observation) for s in dataset}, TIMES)
    assert main(["eval", str(real_data / "pandaset-002"), "--limit", "4", "--plans", str(tmp_path / "p.json")]) == 0


def test_bad_input_is_one_line(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(real_data / "nuscenes-mini"), "--protocol", "none"]) == 2
    assert main(["eval", str(real_data / "nuscenes-mini"), "--plans", "/nowhere.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_all_protocols_on_both_real_sets(real_data: Path) -> None:
    """Samples that each protocol takes on nuScenes mini (10 scenes, 404 key frames) and PandaSet (one scene of 16)."""
    counts = {"exact": (344, 10), "uniad": (404, 16), "vad": (344, 10), "stp3": (324, 8), "bevplanner": (344, 10), "lightemma": (264, 2)}
    for name, index in (("nuscenes-mini", 0), ("pandaset-002", 1)):
        report = evaluate(open_dataset(real_data / name, maps=False), protocols=["all"])
        for protocol, expected in counts.items():
            assert row(report, "log", "l2_3s", protocol)["requested"] == expected[index]
            assert row(report, "log", "l2_3s", protocol)["value"] == pytest.approx(0, abs=2e-3)
        ratio = row(report, "constant-velocity", "l2_3s", "vad")["value"] / row(report, "constant-velocity", "l2_3s")["value"]
        # The mean up to 3 s of an error that grows with the square of time is half the error at 3 s.
        assert 0.4 < ratio < 0.6
    assert report.settings["unknown"]["annotations"] > 0
