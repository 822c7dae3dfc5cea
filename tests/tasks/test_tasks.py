"""What holds for every task: answers come back from tokens and from JSON, and what is unknown is not invented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.data.dataset import open_dataset
from drive.model.config import ModelConfig
from drive.schema import SceneSample, Window
from drive.tasks import TASKS, canonical, declared, make_task
from drive.tokens.vocab import Grid, Vocabulary
from drive.values import from_values, to_json
from tests.tasks.crossroads import crossroads

REQUESTS = [f"{kind.name}:{parameter}" if parameter else kind.name for kind in TASKS.values() for parameter in kind.parameters or ("",)]
VOCABULARY = Vocabulary().extended(declared(REQUESTS, {}), REQUESTS)


@pytest.fixture(scope="module")
def samples(mini: Path) -> list[SceneSample]:
    return [*list(open_dataset(mini, lanes=True))[:12], crossroads(light="red", speed=3.0)]


@pytest.mark.parametrize("request_", REQUESTS)
def test_answers_come_back(request_: str, samples: list[SceneSample]) -> None:
    task, known = make_task(request_, VOCABULARY, Window()), 0
    for sample in samples:
        for _, value in task.answers(sample):
            if request_.startswith("plan:") and sample.observation.speed_mps is None:
                continue  # told from the speed by some codecs
            seen = sample.observation
            ids = task.encode(value, seen)
            assert len(task.grammar.states(ids)) == len(ids)
            again = task.decode(ids, seen)
            known += 1
            twice = task.decode(task.encode(again, seen), seen)  # by other tokens where several say the same
            assert _nearly(task.to_json(twice), task.to_json(again))
            assert task.to_json(task.from_json(task.to_json(again))) == task.to_json(again)
    assert known


def _nearly(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal but for the last digits of their numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_nearly(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_nearly, one, other))
    return one == other if isinstance(one, str | bool | None) else bool(np.isclose(one, other, rtol=0, atol=1e-6))


def test_an_unknown_future_is_no_plan(samples: list[SceneSample]) -> None:
    future = samples[0].target.future
    cut = replace(future, valid=np.arange(len(future.valid)) < 3)
    sample = replace(samples[0], target=replace(samples[0].target, future=cut))
    assert make_task("plan", VOCABULARY, Window()).answer(sample) is None


def test_requests_are_spelled_out_and_strangers_named() -> None:
    assert canonical("plan") == "plan:bins"
    with pytest.raises(ValueError, match="no task 'fly'; it has plan, boxes, roads"):
        canonical("fly")
    with pytest.raises(ValueError, match="plan takes bins, text, action, action-reverse, codebook, dct, not 'morse'"):
        canonical("plan:morse")
    with pytest.raises(ValueError, match="numbers.speed is of no request given; theirs are: metre"):
        declared(["plan"], {"speed": Grid(0, 1, 0.5)})


def test_a_checkpoints_configuration_keeps_its_ids_and_names_tasks_that_are_missing() -> None:
    import json

    old = ModelConfig(requests=("plan:text",))
    values = json.loads(to_json(old))
    assert from_values(ModelConfig, values, "config.json") == old
    more = replace(old, requests=("plan:text", "plan:bins"))
    assert more.vocabulary.request_id("plan:text") == old.vocabulary.request_id("plan:text")
    assert more.vocabulary.ranges["byte"] == old.vocabulary.ranges["byte"] and "metre" in more.vocabulary.ranges
    values["requests"] = ["plan:text", "dream"]
    with pytest.raises(ValueError, match="this version has no task 'dream'"):
        from_values(ModelConfig, values, "config.json")
