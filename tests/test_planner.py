"""Planners by name, the choice among samples, and the conformance check on planners that keep or break the contract."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.answers.roads import LaneLines
from drive.asking import Refusal, as_plan, asked, common_window, gives_plans, plan_all, require_plans, spec_of, window_of
from drive.baselines import BASELINES, ConstantVelocity, StandStill
from drive.cli import main
from drive.data.dataset import open_dataset
from drive.model.inputs import prepare
from drive.planners.check import check_planner
from drive.planners.load import load_planner, load_sim_planner
from drive.planners.network import NetworkPlanner, most_central_first
from drive.schema import Answers, DecodeError, Observation, Plan, PlanError, Planner, PlannerSpec, Window
from drive.tasks.answered import answers_of
from drive.tokens.sequence import attention_table, concatenate, span_tokens
from tests.model.conftest import TINY, make_network, make_observation


@pytest.fixture(scope="module")
def planner() -> NetworkPlanner:
    return NetworkPlanner(make_network())


def test_the_networks_planner_keeps_the_contract(planner: NetworkPlanner) -> None:
    check_planner(planner, [make_observation(seed, cameras=1 + seed) for seed in range(3)])


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_baselines_keep_the_contract(name: str) -> None:
    check_planner(load_planner(name), [make_observation(seed) for seed in range(3)])


def test_samples_come_with_log_probabilities_the_most_central_first(planner: NetworkPlanner) -> None:
    plan = planner.plan(make_observation(), samples=9)
    assert plan.trajectories.shape == (9, len(TINY.window.future_times_s), 3)
    assert plan.log_probs is not None and (plan.log_probs < 0).all()
    distance = np.linalg.norm(plan.trajectories[:, None, :, :2] - plan.trajectories[None, :, :, :2], axis=-1).mean((1, 2))
    assert distance.argmin() == 0 and (np.diff(distance) >= -1e-9).all()
    assert planner.plan(make_observation(), samples=9).trajectories.tolist() == plan.trajectories.tolist()


def test_every_observation_is_drawn_by_noise_of_its_own(planner: NetworkPlanner) -> None:
    first = make_observation()
    drawn = [planner.plan(replace(first, token=token), samples=4).trajectories.tolist() for token in (first.token, "another", first.token)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert replace(planner, seed=1).plan(first, samples=4).trajectories.tolist() != drawn[0]


def test_samples_that_are_drawn_can_more_often_be_driven_than_at_temperature_one(embedded: Path) -> None:
    shipped = load_planner("first-drive")
    assert isinstance(shipped, NetworkPlanner)
    observations = [sample.observation for sample in open_dataset(embedded, window=shipped.spec.window, maps=False, limit=12)]
    shares = []
    for planner in (shipped, replace(shipped, temperature=1.0)):
        x = np.concatenate([planner.plan(o, samples=8).trajectories[..., 0] for o in observations])
        asked_mps2 = np.diff(x, n=2, axis=1, prepend=0.0) / 0.5**2
        shares.append((np.abs(asked_mps2) > 10.0).any(1).mean())
    assert shares[0] < 0.75 * shares[1]


def test_the_most_central_of_two_near_and_one_far_is_a_near_one() -> None:
    paths = np.zeros((3, 2, 3))
    paths[0, :, 0], paths[1, :, 0], paths[2, :, 0] = 10.0, 0.0, 1.0
    assert most_central_first(paths).tolist() == [2, 1, 0]


def test_batches_equal_single_plans(planner: NetworkPlanner) -> None:
    observations = [make_observation(seed, cameras=1 + seed, frames=1 + seed % 2) for seed in range(4)]
    for together, observation in zip(planner.plan_batch(observations), observations, strict=True):
        np.testing.assert_array_equal(together.trajectories, planner.plan(observation).trajectories)


def test_the_attention_that_is_drawn_is_what_the_transformer_was_given(planner: NetworkPlanner) -> None:
    table, labels = planner.attention(make_observation(cameras=3, frames=2))
    sequence = planner.network.prefix_sequence(prepare(make_observation(cameras=3, frames=2), TINY))
    assert sequence.labels[0] == "frame 0 CAM_0" and sequence.labels[-1] == "command" and "frame 1 CAM_2" in sequence.labels
    answer = len(table) - len(sequence)
    assert labels == sequence.labels + ("plan:bins",) * answer and answer == 2 * len(TINY.window.future_times_s) + 1
    whole = concatenate([sequence, span_tokens(0, ("plan:bins", answer))])
    np.testing.assert_array_equal(table, attention_table(whole))
    other, _ = planner.attention(make_observation(cameras=3, frames=2))
    np.testing.assert_array_equal(other, table)


def test_a_missing_picture_is_a_failed_sample_with_the_files_name(planner: NetworkPlanner, tmp_path: Path) -> None:
    observation = make_observation()
    view = replace(observation.frames[0].cameras[0], image=tmp_path / "gone.jpg")
    broken = replace(observation, frames=(replace(observation.frames[0], cameras=(view,)),))
    with pytest.raises(PlanError, match=r"gone\.jpg"):
        planner.plan(broken)

    class Sample:
        token, observation = "broken", broken

    plans, errors = plan_all(lambda sample: planner.plan(sample.observation), [Sample()])  # type: ignore[list-item]
    assert not plans and "gone.jpg" in errors["broken"]
    assert "RuntimeError: boom" in plan_all(lambda sample: Broken("raises").plan(sample.observation), [Sample()])[1]["broken"]  # type: ignore[list-item]


def test_drive_plan_takes_the_recorded_drive_too(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plans.json"
    assert main(["plan", str(mini), "--split", "stopped", "--planner", "log", "--out", str(out)]) == 1
    assert "log: 8 of 14 samples planned" in capsys.readouterr().out
    assert main(["eval", str(mini), "--split", "stopped", "--plans", str(out)]) == 0
    assert re.search(r"log \(2\) +0.000 +0.000 +0.000", capsys.readouterr().out)


def test_constant_velocity_goes_on_straight_by_the_past_or_else_by_the_speed_told() -> None:
    observation = make_observation()
    plan = ConstantVelocity().plan(observation)
    velocity = -observation.past.poses[-2, :2] / 0.5
    np.testing.assert_allclose(plan.best[:, :2], observation.future_times_s[:, None] * velocity)
    past = replace(observation.past, valid=np.array([False] * 4 + [True]))
    told = ConstantVelocity().plan(replace(observation, past=past)).best
    times = observation.future_times_s
    np.testing.assert_allclose(told, np.stack([observation.speed_mps * times, 0 * times, 0 * times], -1))
    with pytest.raises(PlanError, match="neither a pose before t0 nor a speed"):
        ConstantVelocity().plan(replace(observation, past=past, speed_mps=None))


@pytest.mark.parametrize("spec", ["no-such-planner", "no_such_module:Class", "drive.schema:Missing", "pathlib:Path"])
def test_unknown_planners_are_named(spec: str) -> None:
    with pytest.raises(ValueError, match=spec.split(":")[0]):
        load_planner(spec)


def test_anybodys_class_by_module_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from drive.baselines import StandStill\nclass Mine(StandStill):\n    name = 'mine'\n"
    (tmp_path / "somebodys.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert load_planner("somebodys:Mine").name == "mine"


SIMPLE = """
from drive.baselines import StandStill
class Tiny:
    pictures = False
    def plan(self, observation):
        return StandStill().plan(observation)
class Keywords:
    name = "keywords"
    def plan(self, observation, **told):
        return StandStill().plan(observation, **told)
class Seer:
    def plan_in_world(self, world, state, observation):
        return StandStill().plan(observation)
class Needy:
    def __init__(self, weights):
        pass
"""


def test_a_class_with_plan_alone_is_a_whole_planner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_somebody.py").write_text(SIMPLE)
    monkeypatch.chdir(tmp_path)
    tiny = load_planner("of_somebody:Tiny")
    check_planner(tiny, [make_observation(seed) for seed in range(2)])
    assert tiny.name == "Tiny" and spec_of(tiny) == PlannerSpec(pictures="unused")
    check_planner(load_planner("of_somebody:Keywords"), [make_observation()])
    assert load_sim_planner("of_somebody:Seer").name == "Seer" and hasattr(load_sim_planner("of_somebody:Seer"), "plan_in_world")
    with pytest.raises(ValueError, match="in the simulator alone"):
        load_planner("of_somebody:Seer")
    with pytest.raises(ValueError, match="of_somebody:Needy.*weights"):
        load_planner("of_somebody:Needy")
    (tmp_path / "torn.py").write_text("def (")
    with pytest.raises(ValueError, match="torn:Mine.*SyntaxError"):
        load_planner("torn:Mine")


def test_the_console_script_finds_classes_of_the_current_folder(tmp_path: Path) -> None:
    """It runs with its own folder on the path, not the current one."""
    (tmp_path / "of_the_folder.py").write_text(SIMPLE)
    code = "import sys; sys.path.remove(''); from drive.planners.load import load_planner; print(load_planner('of_the_folder:Tiny').name)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "Tiny\n", done.stderr


def test_shipped_planners_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [load_planner(name).name for name in ("ego-mlp", "first-drive", "black:first-drive")]
    assert names == ["ego-mlp", "first-drive", "first-drive-black"]
    with pytest.raises(ValueError, match="did you mean first-drive"):
        load_planner("first-driv")


def test_planners_of_different_windows_are_not_mixed(planner: NetworkPlanner) -> None:
    other = NetworkPlanner(make_network(window=replace(TINY.window, frames=1)), "other")
    assert common_window([StandStill(), planner]) == TINY.window
    with pytest.raises(ValueError, match="different windows"):
        common_window([planner, other])


def test_a_horizon_is_for_planners_without_a_window_of_their_own(planner: NetworkPlanner) -> None:
    wanted = window_of(StandStill(), 5.0, 4.0)
    assert (wanted.future_s, wanted.rate_hz) == (5.0, 4.0) and window_of(StandStill()) == Window()
    own = TINY.window
    assert window_of(planner, own.future_s, own.rate_hz) == window_of(planner) == own
    with pytest.raises(ValueError, match=rf"plans {own.future_s:g} s at {own.rate_hz:g} Hz, asked for were 5 s at .* leave out --horizon"):
        window_of(planner, 5.0)
    with pytest.raises(ValueError, match="--horizon times --rate is how many points a plan has, got 6.4"):
        window_of(StandStill(), 3.2, 2.0)


class Broken:
    """A planner that breaks one clause of the contract."""

    name = "broken"

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, 0

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        self.calls += 1
        steps, times = len(observation.future_times_s), observation.future_times_s
        poses = np.zeros((samples, steps, 3))
        if self.how == "remembers":
            poses[..., 0] = self.calls
        if self.how == "one for many":
            poses = poses[:1]
        if self.how == "short":
            poses, times = poses[:, 1:], times[1:]
        if self.how == "other times":
            times = times + 0.25
        if self.how == "writes":
            observation.past.poses[0, 0] += 1
        if self.how == "raises":
            raise RuntimeError("boom")
        if self.how == "refuses":
            raise DecodeError("never")
        return poses if self.how == "array" else Plan(poses, times)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("remembers", "second time"),
        ("one for many", "asked for 3"),
        ("short", "asked for times"),
        ("other times", "asked for times"),
        ("writes", "was changed"),
        ("raises", "RuntimeError"),
        ("refuses", "refused every"),
        ("array", "expected a drive.Plan"),
    ],
)
def test_breaches_are_found(how: str, message: str) -> None:
    planner: Planner = Broken(how)
    with pytest.raises(ValueError, match=message):
        check_planner(planner, [make_observation(seed) for seed in range(2)])


def test_a_plan_with_nan_or_a_wrong_shape_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Plan(np.full((1, 2, 3), np.nan), np.arange(2))
    with pytest.raises(ValueError, match="one entry per step"):
        Plan(np.zeros((1, 2, 3)), np.arange(3))
    with pytest.raises(ValueError, match="K >= 1"):
        Plan(np.zeros((2, 3)), np.arange(2))


def test_answers_to_several_requests_are_those_of_each_alone_and_strangers_are_named(planner: NetworkPlanner) -> None:
    observation = make_observation()
    answers = planner.answer(observation, ["plan", "plan:text"])
    assert list(answers.values) == ["plan:bins", "plan:text"] and not answers.failures
    np.testing.assert_array_equal(answers.best("plan:bins"), planner.plan(observation).best)
    text = NetworkPlanner(planner.network, request="plan:text").plan(observation)
    np.testing.assert_array_equal(answers.best("plan:text"), text.best)
    with pytest.raises(ValueError, match="no task 'fly'"):
        planner.answer(observation, ["fly"])
    lonely = NetworkPlanner(make_network(requests=("plan:bins",)))
    refused = lonely.answer(observation, ["plan:bins", "plan:text"])
    assert list(refused.values) == ["plan:bins"]
    assert refused.failures == {"plan:text": "network was not trained to answer plan:text; it answers plan:bins"}
    with pytest.raises(PlanError, match="not trained"):
        refused.best("plan:text")


def test_a_planner_with_a_plan_alone_answers_plan_and_refuses_the_rest() -> None:
    for planner in (ConstantVelocity(), load_planner("black:constant-velocity")):
        answers = answers_of(planner, make_observation(), "boxes > plan, plan:text", samples=2)
        plan = planner.plan(make_observation(), 2)
        assert set(answers.values) == {"plan:bins", "plan:text"} and answers.failures == {"boxes:16": f"{planner.name} answers plan alone"}
        np.testing.assert_array_equal(answers.values["plan:bins"], plan.trajectories)
    refused = answers_of(Broken("refuses"), make_observation(), ["plan", "boxes"])
    assert refused.failures == {"plan:bins": "never", "boxes:16": "broken answers plan alone"} and not refused.values
    network = NetworkPlanner(make_network(requests=("plan:bins",)))
    drawn = answers_of(PlanOf(network), make_observation(), ["plan"], 3)
    np.testing.assert_array_equal(drawn.log_probs["plan:bins"], network.plan(make_observation(), 3).log_probs)


class PlanOf:
    """Another planner's plans, and nothing else of it."""

    name = "plan-of"

    def __init__(self, planner: Planner) -> None:
        self.planner = planner

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        return self.planner.plan(observation, samples)


class Answering(PlanOf):
    """Answers `roads` and gives no plans; breaks one clause of the contract where `how` names it."""

    spec = PlannerSpec(tasks=("roads",))

    def __init__(self, how: str = "") -> None:
        self.how, self.calls = how, 0

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> Answers:
        self.calls += 1
        if self.how == "refuses":
            return Answers({}, {}, dict.fromkeys(requests, "never"))
        if self.how == "raises":
            raise RuntimeError("boom")
        if self.how == "writes":
            observation.past.poses[0, 0] += 1
        beside = float(self.calls if self.how == "remembers" else 0)
        return Answers({"roads": (LaneLines((np.array([[beside, 0.0], [9.0, 0.0]]),), [1.0]),)})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("", ""),
        ("refuses", "answered none of roads"),
        ("raises", "boom; refuse with PlanError"),
        ("writes", "was changed"),
        ("remembers", "another answer than asked together"),
    ],
)
def test_who_gives_no_plans_keeps_the_contract_by_its_answers(how: str, message: str) -> None:
    if not how:
        check_planner(Answering(), [make_observation()])
    else:
        with pytest.raises(ValueError, match=message):
            check_planner(Answering(how), [make_observation()])


def test_who_gives_plans_follows_from_the_spec(planner: NetworkPlanner) -> None:
    assert gives_plans(planner) and gives_plans(StandStill()) and gives_plans(load_sim_planner("expert"))
    require_plans([planner, StandStill()])
    with pytest.raises(ValueError, match="planner plan-of gives no plans; it answers roads: ask for these with `drive plan --tasks roads`"):
        require_plans([planner, Answering()])


def test_specs_say_what_a_planner_takes(planner: NetworkPlanner) -> None:
    assert planner.spec == PlannerSpec(TINY.window, "needed", tasks=TINY.requests)
    assert spec_of(load_sim_planner("expert")) == PlannerSpec(pictures="unused", privileged=True)

    class Small:
        name, pictures, camera_names = "small", True, ["CAM_FRONT"]

        def plan(self, observation: Observation, samples: int = 1) -> Plan:
            raise PlanError("no")

    assert spec_of(Small()) == PlannerSpec(pictures="needed", cameras=("CAM_FRONT",))
    small = Small()
    small.spec = "fast"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="spec must be a drive.PlannerSpec, got str"):
        spec_of(small)


def test_whatever_is_raised_is_a_refusal_with_its_traceback() -> None:
    def broken() -> Plan:
        raise KeyError("lane")

    refusal = asked(broken)
    assert isinstance(refusal, Refusal) and refusal.reason == "raised KeyError: 'lane'" and "in broken" in refusal.traceback
    assert asked(lambda: as_plan(None)) == Refusal("returned nothing")
    with pytest.raises(KeyboardInterrupt):
        asked(lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_drive_plan_answers_requests_and_counts_failures(tmp_path: Path, embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "answers.json"
    command = ["plan", str(embedded), "--planner", "first-drive", "--split", "val", "--limit", "2", "--out", str(out)]
    assert main([*command, "--tasks", "plan"]) == 0
    assert "2 samples asked plan:bins" in capsys.readouterr().out
    told = json.loads(out.read_text())
    assert told["meta"] == {"planner": "first-drive", "requests": ["plan:bins"], "frame": "ego"} and not told["errors"]
    assert all(np.shape(answers["plan:bins"]) == (6, 3) for answers in told["results"].values())
    assert main([*command, "--tasks", "plan:text > plan"]) == 1
    assert "plan:text: 0 answered, 2 failed, the first: first-drive was not trained to answer plan:text" in capsys.readouterr().out
    assert set(json.loads(out.read_text())["errors"]) == set(told["results"])
    blind = ["plan", str(embedded), "--planner", "stand-still", "--split", "val", "--limit", "2", "--out", str(out)]
    assert main([*blind, "--tasks", "plan:text>plan"]) == 0
    assert main([*blind, "--tasks", "plam"]) == 2
    assert "did you mean plan?" in capsys.readouterr().err
