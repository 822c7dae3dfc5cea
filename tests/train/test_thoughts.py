"""What chains are made of in training: cut, turned round, and fed truth, own answers and noise in the shares asked for."""

from __future__ import annotations

import re
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drive.config import Jitter, NextTokenConfig, RunConfig, Thoughts
from drive.model.network import DrivingNetwork
from drive.planners.network import NetworkPlanner
from drive.tasks import chains
from drive.tokens.vocab import END, Vocabulary
from drive.train.loop import train
from drive.train.objectives import STUDENT
from drive.train.spans import Link
from drive.train.thoughts import disturbed, varied
from tests.tasks.toys import toys
from tests.train.test_packing import DatasetSamples, objective_of, samples
from tests.train.tiny import assert_equal, config, interrupted, weights

__all__ = ["samples", "toys"]
pytestmark = pytest.mark.usefixtures("toys")
REQUESTS3 = ("plan:bins", "lamp", "tell")


def link(task: int) -> Link:
    ids = np.array([END])
    return Link(task, ids, ids, ids, ids)


def test_chains_are_cut_turned_and_fed_in_the_shares_asked_for() -> None:
    objective = objective_of()
    config = NextTokenConfig(cut=0.4, plan_first=0.25, thoughts=Thoughts(0.5, 0.2, 0.3))
    span = (link(2), link(3), link(0))
    seen = [varied(span, config, objective.tasks, np.random.default_rng(seed)) for seed in range(4000)]
    assert all(sorted(x.task for piece, _ in pieces for x in piece) == [0, 2, 3] for pieces in seen)
    assert np.mean([len(pieces) == 2 for pieces in seen]) == pytest.approx(0.4, abs=0.03)
    assert np.mean([pieces[0][0][0].task == 0 for pieces in seen]) == pytest.approx(0.25, abs=0.03)
    fed = Counter(thought for pieces in seen for piece, thought in pieces if len(piece) > 1)
    assert {kind: count / fed.total() for kind, count in fed.items()} == pytest.approx({"truth": 0.5, "own": 0.2, "noise": 0.3}, abs=0.03)
    assert {thought for pieces in seen for piece, thought in pieces if len(piece) == 1} == {"truth"}
    assert varied(span, NextTokenConfig(), objective.tasks, np.random.default_rng(0)) == [(span, "truth")]
    with pytest.raises(ValueError, match=r"must add up to 1, got truth 1 \+ own 0.5"):
        Thoughts(own=0.5)


def test_noise_is_another_answer_that_the_grammar_allows() -> None:
    objective, rng = objective_of(), np.random.default_rng(0)
    for number, value in ((2, (1, 8.0, 3.0)), (2, ()), (1, np.zeros((6, 3)))):
        task = objective.tasks[number]
        truth = task.encode(value)
        found = [disturbed(truth, task.grammar, rng) for _ in range(200)]
        assert all(len(task.grammar.states(ids)) == len(ids) for ids in found)
        assert len({tuple(ids) for ids in found}) > 20 and any(len(ids) != len(truth) for ids in found)


def test_what_is_fed_in_place_of_the_truth_is_not_learned(samples: DatasetSamples) -> None:
    for thoughts in (Thoughts(0, 0, 1), Thoughts(0, 1, 0)):
        objective = objective_of(chains=("lamp>plan",), thoughts=thoughts)
        examples = [objective.example(samples[i]) for i in range(3)]
        batch = objective.collate(examples, [np.random.default_rng(i) for i in range(3)])
        assert objective.count(batch) == 3 and set(batch.spans.task[batch.spans.weight > 0].tolist()) == {0}
        plain = objective.collate(examples, None)
        assert objective.count(plain) == 6


def test_answers_that_no_chain_asks_for_are_not_worked_out(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(chains=("lamp>plan",))
    everything = objective_of()
    names = objective.model.requests
    told, all_told = objective.check(samples[0], Jitter()), everything.check(samples[0], Jitter())
    assert [name for name, pairs in zip(names, told, strict=True) if pairs] == ["plan:bins", "lamp"]
    assert {name for name, pairs in zip(names, all_told, strict=True) if pairs} > {"plan:bins", "lamp"}
    other = objective.tasks[names.index("tell")]
    monkeypatch.setattr(type(other), "answers", lambda self, sample: 1 / 0)
    objective.check(samples[0], Jitter())
    with pytest.raises(ZeroDivisionError):
        everything.check(samples[0], Jitter())


def test_chains_are_trained_on_the_shares_asked_for(samples: DatasetSamples) -> None:
    objective = objective_of(chains=("lamp>plan", "tell"), shares={"tell": 0.25})
    example = objective.example(samples[0])
    rows = [objective.collate([example], [np.random.default_rng(seed)]) for seed in range(400)]
    assert np.mean([3 in batch.spans.task[batch.spans.weight > 0] for batch in rows]) == pytest.approx(0.25, abs=0.06)
    assert all({0, 2} <= set(batch.spans.task[batch.spans.weight > 0].tolist()) for batch in rows)
    assert 3 in objective.collate([example], None).spans.task, "an example that is scored is asked everything"
    with pytest.raises(ValueError, match="shares names the chain 'lamp', which is not trained"):
        objective_of(chains=("lamp>plan",), shares={"lamp": 0.5})
    with pytest.raises(ValueError, match="shares.tell 0: expected above 0, at most 1"):
        NextTokenConfig(shares={"tell": 0})


def test_what_cannot_be_written_ends_a_run_or_is_left_out_by_name(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tasks.toys import LampTask

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no lamp shines so")

    monkeypatch.setattr(LampTask, "encode", refuse)
    with pytest.raises(ValueError, match="no lamp shines so"):
        objective_of(chains=("lamp>plan",)).check(samples[0], Jitter())
    objective = objective_of(chains=("lamp>plan",), leave_out=True)
    batch = objective.collate([objective.example(samples[0], objective.check(samples[0], Jitter()))], None)
    assert batch.unknown[2] == 1 and batch.unknown[0] == 0 and objective.count(batch) == 1
    (told,) = objective.left_out()
    assert re.fullmatch(r"1 answers to lamp cannot be written and are left out; the first: sample \w+ of scene .*: no lamp shines so", told)


def test_own_thoughts_are_what_the_planner_would_answer(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(chains=("lamp>plan", "tell>plan:text"), thoughts=Thoughts(0, 1, 0))
    examples = [objective.example(samples[i]) for i in range(3)]
    batch = objective.collate(examples, [np.random.default_rng(i) for i in range(3)])
    torch.manual_seed(3)
    network = DrivingNetwork(objective.model).eval()
    with torch.no_grad():
        for parameter in network.transformer.parameters():
            parameter.mul_(4 if parameter.ndim == 2 else 1)
    rows = objective._own(network, network.prefix(batch.inputs), batch.rows, batch.own)
    planner = NetworkPlanner(network)
    for i, row in enumerate(rows):
        (lamp, plan), (tell, text) = row
        prompt = bytes((tell.opening[1:-1] - objective.model.vocabulary.ranges["byte"].start).astype(np.uint8)).decode()
        answers = planner.answer(samples[i].observation, f"lamp>plan,tell({prompt})>plan:text")
        assert objective.tasks[2].decode(lamp.fed) == answers.best("lamp")
        assert objective.tasks[3].decode(tell.fed) == answers.best(f"tell({prompt})")
        assert not lamp.learned and not tell.learned and plan.learned and text.learned
        np.testing.assert_array_equal(plan.fed, plan.answer)
    loss, _ = objective.loss({STUDENT: network}, batch, torch.Generator())
    assert torch.isfinite(loss) and len(chains("lamp>plan")) == 1
    loss.backward()  # decoding in between leaves nothing behind that training could not go through
    with torch.no_grad():
        network.head.weight.fill_(torch.nan)
    assert torch.isnan(objective.loss({STUDENT: network}, batch, torch.Generator())[0])


def test_one_question_is_drawn_at_a_time(samples: DatasetSamples) -> None:
    objective = objective_of(chains=("tell",))
    example = objective.example(samples[0])
    drawn = Counter(tuple(objective._link(example, 3, np.random.default_rng(seed)).answer) for seed in range(200))  # type: ignore[union-attr]
    assert len(drawn) == 2 and min(drawn.values()) > 60


def test_strangers_in_the_configuration_are_named() -> None:
    with pytest.raises(ValueError, match="chains ask for plan:text, which is not among model.requests"):
        objective = objective_of()
        type(objective)(NextTokenConfig(chains=("plan:text",)), small(objective), torch.device("cpu"))
    with pytest.raises(ValueError, match="got 'meter'; .*did you mean metre"):
        objective = objective_of()
        type(objective)(NextTokenConfig(noise={"meter": 1.0}), objective.model, torch.device("cpu"))


def small(objective: object) -> object:
    return replace(objective.model, requests=("plan:bins",), vocabulary=Vocabulary())  # type: ignore[attr-defined]


def test_shuffled_answers_are_trained(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tasks.toys import LampTask

    monkeypatch.setattr(LampTask, "shuffled", lambda self, value, rng: (int(rng.integers(1, 4)), *value[1:]))
    objective = objective_of(chains=("lamp",))
    example = objective.example(samples[0])
    first = {int(objective._link(example, 2, np.random.default_rng(seed)).answer[0]) for seed in range(40)}  # type: ignore[union-attr]
    assert len(first) == 3
    still = objective._link(example, 2, None)
    assert still is not None and still.answer[0] == objective.model.vocabulary.ranges["lamp"].start + 1


def test_a_run_trains_chains_with_all_kinds_of_thoughts_and_is_resumed_to_the_bit(
    tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = NextTokenConfig(
        chains=("lamp>plan", "tell"), cut=0.3, plan_first=0.3, thoughts=Thoughts(0.4, 0.3, 0.3), sigma={"metre": 0.2}, noise={"metre": 0.5}
    )

    def run(name: str) -> RunConfig:
        base = config(tmp_path / name, mini, steps=4)
        model = replace(base.model, requests=("plan:bins", "lamp", "tell"), vocabulary=Vocabulary())
        return replace(base, model=model, stages=(replace(base.stages[0], objective=objective),))

    train(run("whole"))
    events = EventAccumulator(str(tmp_path / "whole" / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    curves = {name: np.array([e.value for e in events.Scalars(f"fit/{name}")]) for name in ("loss", *(f"loss/{r}" for r in REQUESTS3))}
    np.testing.assert_allclose(sum(curves[f"loss/{r}"] for r in REQUESTS3), curves["loss"], atol=1e-5)
    interrupted(monkeypatch, run("parts"), at=1, number=signal.SIGTERM)
    train(run("parts"))
    assert_equal(weights(tmp_path / "parts"), weights(tmp_path / "whole"))
