"""What matters in known scenes, the words for them, tokens and JSON."""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.answers.describe import CriticalObject, Description
from drive.schema import SceneSample, Window
from drive.tasks.describe import MOST_OBJECTS, DescribeTask
from drive.tokens.vocab import Vocabulary
from tests.tasks.crossroads import Other, crossroads

ROOT = Path(__file__).resolve().parents[2]
TASK = DescribeTask(Vocabulary().extended(DescribeTask.declares("", {}), ["describe"]), Window(), "")
WALKER = {"category": "human.pedestrian.adult", "size": (0.7, 0.7, 1.8)}


def described(sample: SceneSample) -> Description:
    found = TASK.answer(sample)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("other", "noun", "behaviour"),
    [
        (Other(20.0, 0.3), "car", "standing"),
        (Other(20.0, 0.3, speed=5.0), "car", "going ahead"),
        (Other(20.0, 0.0, np.pi, 5.0, "vehicle.truck", (8.0, 2.5, 3.0)), "truck", "oncoming"),
        (Other(20.0, -2.0, np.pi / 2, 1.5, **WALKER), "pedestrian", "crossing to the left"),  # type: ignore[arg-type]
        (Other(20.0, 3.0, -np.pi / 2, 1.5, **WALKER), "pedestrian", "crossing to the right"),  # type: ignore[arg-type]
        (Other(20.0, 0.0, velocity_known=False), "car", "unknown"),
    ],
)
def test_who_is_in_the_way_matters(other: Other, noun: str, behaviour: str) -> None:
    (one,) = described(crossroads(10.0, others=(other,), speed=5.0)).objects
    assert (one.noun, one.behaviour, one.x_m, one.y_m) == (noun, behaviour, other.x, other.y)


@pytest.mark.parametrize(
    "other",
    [
        Other(20.0, 6.0),  # beside the way
        Other(-15.0, 0.0, speed=5.0),  # follows
        Other(48.0, 0.0),  # beyond what the car reaches in 4 s
        Other(20.0, 0.0, visibility=1),  # cannot be seen
    ],
)
def test_who_is_not_in_the_way_does_not(other: Other) -> None:
    assert described(crossroads(10.0, others=(other,), speed=5.0)).objects == ()


def test_who_slows_down_is_said_to() -> None:
    sample = crossroads(10.0, others=(Other(20.0, 0.0, speed=6.0),), speed=5.0)
    agents = sample.target.agents
    assert agents is not None
    velocities = agents.velocities.copy()
    velocities[0, -1, 0] = 3.0
    target = replace(sample.target, agents=replace(agents, velocities=velocities))
    assert described(replace(sample, target=target)).objects[0].behaviour == "slowing down"


def test_who_will_be_in_the_way_matters() -> None:
    """Far beside the way now, on it in two seconds."""
    sample = crossroads(10.0, others=(Other(18.0, -12.0, np.pi / 2, 5.0),), speed=5.0)
    agents = sample.target.agents
    assert agents is not None and described(sample).objects == ()
    centres = agents.centres.copy()
    centres[0, :, 1] = -12.0 + 5.0 * agents.times_s
    target = replace(sample.target, agents=replace(agents, centres=centres))
    assert [one.behaviour for one in described(replace(sample, target=target)).objects] == ["crossing to the left"]


def test_the_nearest_come_first_and_no_more_than_fit() -> None:
    objects = described(crossroads(10.0, others=tuple(Other(40.0 - 4 * k, 0.0) for k in range(9)), speed=10.0)).objects
    assert len(objects) == MOST_OBJECTS and [one.x_m for one in objects] == [8.0, 12.0, 16.0, 20.0, 24.0, 28.0]


def test_the_scene_in_words() -> None:
    others = (Other(12.0, 0.0), Other(3.0, 8.0, **WALKER), Other(4.0, 9.0, **WALKER))  # type: ignore[arg-type]
    assert described(crossroads(12.0, light="red", others=others)).words == (
        "One lane leads my way. The road goes straight on. The light 12 m ahead is red. I must wait before the junction 12 m ahead. "
        "A vehicle stands 6 m ahead of me. Within 30 m I see 2 pedestrians and 1 car."
    )
    said = described(crossroads(50.0)).words
    assert said == "One lane leads my way. The road goes straight on. Nobody is in my way. Nobody else is near."


def test_without_route_and_lanes_the_recorded_future_leads() -> None:
    sample = crossroads(10.0, others=(Other(20.0, 0.0),), speed=5.0)
    bare = replace(sample, target=replace(sample.target, route=None, lanes=None, lights=None))
    found = described(bare)
    assert [one.noun for one in found.objects] == ["car"] and found.words == "Within 30 m I see 1 car."
    assert TASK.answer(replace(sample, target=replace(sample.target, agents=None))) is None


def test_descriptions_come_back() -> None:
    value = described(crossroads(10.0, light="green", others=(Other(20.02, 0.0), Other(25.0, 1.0, speed=3.0)), speed=5.0))
    ids = TASK.encode(value)
    again = TASK.decode(ids)
    np.testing.assert_array_equal(TASK.encode(again), ids)
    assert again.words == value.words and abs(again.objects[0].x_m - value.objects[0].x_m) <= 0.025 + 1e-9
    assert TASK.from_json(json.loads(json.dumps(TASK.to_json(value)))) == value


def test_the_page_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", (ROOT / "docs/tasks.md").read_text(), re.DOTALL)
    ((code, shown),) = [block for block in blocks if '("describe", "ask")' in block[0]]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/tasks.md", "exec"), {})  # the page of this repository
    assert printed.getvalue() == shown


def test_places_turn_with_the_frame() -> None:
    turned = TASK.turned(Description((CriticalObject("car", 10.0, 0.0, "standing"),), ""), np.pi / 2)
    assert (round(turned.objects[0].x_m, 9), round(turned.objects[0].y_m, 9)) == (0.0, 10.0)


def test_every_way_through_the_grammar_is_a_description() -> None:
    rng, longest = np.random.default_rng(0), 0
    for _ in range(100):
        state, ids = 0, []
        while state != TASK.grammar.final:
            edges = TASK.grammar.edges(state)
            low, high, state = edges[rng.integers(len(edges))]
            ids.append(int(rng.integers(low, high)))
        longest = max(longest, len(TASK.decode(ids).objects))
    assert longest >= 2


@pytest.mark.parametrize(
    "value",
    [
        {"objects": []},
        {"objects": [], "words": 3},
        {"objects": {}, "words": ""},
        {"objects": [{"noun": "car", "x": 1.0, "y": 0.0}], "words": ""},
        {"objects": [{"noun": "dragon", "x": 1.0, "y": 0.0, "behaviour": "standing"}], "words": ""},
        {"objects": [{"noun": "car", "x": float("inf"), "y": 0.0, "behaviour": "standing"}], "words": ""},
        {"objects": [{"noun": "car", "x": True, "y": 0.0, "behaviour": "standing"}], "words": ""},
        {"objects": [{"noun": "car", "x": 1.0, "y": 0.0, "behaviour": "standing"}] * 7, "words": ""},
        None,
    ],
)
def test_json_that_is_no_description_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="description|nouns|place"):
        TASK.from_json(value)


def test_what_cannot_be_written_is_refused() -> None:
    for bad in (
        Description((CriticalObject("dragon", 1.0, 0.0, "standing"),), ""),
        Description((CriticalObject("car", 500.0, 0.0, "standing"),), ""),
        Description((CriticalObject("car", 1.0, 0.0, "standing"),) * 7, ""),
        Description((), "word " * 200),
    ):
        with pytest.raises(ValueError, match="nouns|grid|at most"):
            TASK.encode(bad)
