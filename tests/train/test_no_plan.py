"""A network whose requests hold no plan: it trains, resumes, loads and answers, and only who asks it for a plan is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drive.cli import main
from drive.config import NextTokenConfig, RunConfig
from drive.data.dataset import open_dataset
from drive.eval.evaluate import evaluate
from drive.planners.check import check_planner
from drive.planners.closed_loop import simulate
from drive.planners.load import load_planner
from drive.schema import PlanError
from drive.train.loop import train
from drive.values import to_yaml
from tests.train.tiny import config, state_step

REQUESTS = ("decide", "boxes:8", "ask")
TOLD = "decide,boxes:8,ask"


def planless(out: Path, mini: Path, steps: int = 2) -> RunConfig:
    run = config(out, mini, steps)
    stage = replace(run.stages[0], objective=NextTokenConfig(), batch_size=2)
    return replace(run, model=replace(run.model, requests=REQUESTS, vocabulary=type(run.model.vocabulary)()), stages=(stage,))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mini: Path) -> Path:
    out = tmp_path_factory.mktemp("planless") / "answers-alone"
    run = train(planless(out, mini))
    assert run.before is None and run.after is None and run.answers == REQUESTS
    return out


def test_its_checkpoint_is_whole_and_says_that_no_plan_was_scored(trained: Path, mini: Path) -> None:
    told = json.loads((trained / "checkpoint/provenance.json").read_text())
    assert "l2_average_m" not in told and told["test_samples"] > 0
    assert json.loads((trained / "report.json").read_text())["rows"] == []
    longer = train(planless(trained, mini, steps=3))
    assert longer.before is None and longer.answers == REQUESTS
    assert state_step(trained) == 3


def test_the_verb_says_how_to_score_it(tmp_path: Path, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = planless(tmp_path / "out", mini, steps=1)
    (tmp_path / "run.yaml").write_text(to_yaml(run))
    assert main(["train", str(tmp_path / "run.yaml"), "-q"]) == 0
    said = capsys.readouterr().out
    assert f"drive eval DATA --planner {run.out} --tasks {TOLD} scores these" in said and f"written: {run.out}/checkpoint" in said
    assert "L2" not in said


@pytest.mark.parametrize("name", ["{}", "black:{}"])
def test_it_loads_and_keeps_the_contract(name: str, trained: Path, mini: Path) -> None:
    planner = load_planner(name.format(trained), "cpu")
    assert planner.spec.tasks == REQUESTS  # type: ignore[attr-defined]
    observations = [sample.observation for sample in open_dataset(mini, split="stopped")][:2]
    check_planner(planner, observations)
    answers = planner.answer(observations[0], "decide>boxes:8,plan")  # type: ignore[attr-defined]
    assert set(answers.values) == {"decide", "boxes:8"} and set(answers.failures) == {"plan:bins"}
    with pytest.raises(PlanError, match="was not trained to answer plan"):
        planner.plan(observations[0])


def test_verbs_that_want_answers_get_them(trained: Path, mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = [str(mini), "--split", "stopped", "--limit", "2", "--planner", str(trained), "-q"]
    assert main(["plan", *data, "--tasks", "decide>boxes:8", "--out", str(tmp_path / "answers.json")]) == 0
    results = json.loads((tmp_path / "answers.json").read_text())["results"]
    assert len(results) == 2 and all(set(told) == {"decide", "boxes:8"} for told in results.values())
    assert main(["eval", *data, "--tasks", "decide,boxes:8", "--out", str(tmp_path / "eval")]) == 0
    rows = json.loads((tmp_path / "eval/report.json").read_text())["rows"]
    assert {row["protocol"] for row in rows if row["planner"] == trained.name} == {"decide", "boxes:8"}
    capsys.readouterr()
    assert main(["ask", str(mini), "Is the light ahead red?", *data[1:], "--json"]) == 0
    assert all(row["answer"] for row in json.loads(capsys.readouterr().out))
    assert main(["view", *data, "--tasks", "decide", "--out", str(tmp_path / "view")]) == 0
    page = (tmp_path / "view/index.html").read_text()
    assert "without a plan" not in page and "decide" in page


def test_only_who_asks_for_a_plan_is_refused(trained: Path, mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = f"planner {trained.name} gives no plans; it answers {TOLD}: ask for these with `drive plan --tasks {TOLD}`"
    data = [str(mini), "--limit", "2", "--planner", str(trained), "--out", str(tmp_path / "out")]
    for words in (["plan", *data], ["eval", *data], ["view", *data], ["sim", "town", *data[3:], "--rig", "first-drive", "--episodes", "1"]):
        assert main(words) == 2
        assert capsys.readouterr().err.splitlines()[-1].endswith(told)
    with pytest.raises(ValueError, match="gives no plans"):
        evaluate(open_dataset(mini, split="stopped"), [load_planner(trained, "cpu")])
    with pytest.raises(ValueError, match="gives no plans"):
        simulate("town", load_planner(trained, "cpu"), episodes=1, rig="first-drive")
