"""Sequences taken apart: every token has its place in the answer, and the ids are those that were written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.data.dataset import open_dataset
from drive.planners.network import NetworkPlanner
from drive.schema import SceneSample, Window
from drive.tasks import TASKS, chains, make_task
from drive.tasks.apart import NOT_KNOWN, rows_of, true_spans, usual_chains, usual_requests, vocabulary_of
from drive.tokens.sequence import SPAN_POSITION
from drive.tokens.vocab import END
from drive.tokens.walk import random_answer
from tests.model.conftest import make_network, make_observation
from tests.tasks.crossroads import Other, crossroads

REQUESTS = [f"{kind.name}:{parameter}" if parameter else kind.name for kind in TASKS.values() for parameter in kind.parameters or ("",)]
VOCABULARY, WINDOW = vocabulary_of(REQUESTS), Window()


@pytest.fixture(scope="module")
def samples(mini: Path) -> list[SceneSample]:
    town = crossroads(light="red", speed=3.0, others=[Other(15.0, 0.5, speed=2.0), Other(30.0, 4.0, np.pi, velocity_known=False)])
    return [town, *(open_dataset(mini, lanes=True)[k] for k in (1, 9, 40))]


def meanings(requests: str, sample: SceneSample) -> list[str]:
    return [row.meaning for row in rows_of(None, true_spans(chains(requests), sample, VOCABULARY, WINDOW)[0])]


def test_a_chain_by_hand() -> None:
    sample = crossroads(light="red", speed=3.0, left_m=0.5, others=[Other(15.0, 0.0, speed=2.0)])
    assert meanings("see>decide,boxes", sample) == [
        "span begins",
        "lane = here",
        "lane.offset_m = 0.50 m",
        "lane.heading_rad = 0.00 rad",
        "bends[0] = 0.0000 1/m",
        "bends[1] = 0.0000 1/m",
        "bends[2] = 0.0000 1/m",
        "cap = 11.1 m/s",
        "lead = vehicle",
        "lead.gap_m = 9.50 m",
        "lead.speed_mps = 2.0 m/s",
        "light = red",
        "light.distance_m = 10.00 m",
        "line = wait",
        "line.distance_m = 10.00 m",
        "answer ends",
        "next in the chain",
        "decision = steady straight",
        "answer ends",
        "span begins",
        "boxes[0].class = car",
        *("boxes[0].x = 15.00 m", "boxes[0].y = 0.00 m", "boxes[0].z = 0.75 m"),
        *("boxes[0].length = 4.00 m", "boxes[0].width = 1.80 m", "boxes[0].height = 1.50 m"),
        *("boxes[0].heading = 0.00 rad", "boxes[0].vx = 2.0 m/s", "boxes[0].vy = 0.0 m/s", "boxes[0].score = 1.00"),
        "left_out = 0",
        "answer ends",
    ]


def test_a_question_in_words() -> None:
    sample = crossroads(light="red", speed=3.0)
    rows = rows_of(None, true_spans(chains("ask(may I go?)"), sample, VOCABULARY, WINDOW)[0])
    ends = [k for k, row in enumerate(rows) if row.id == END]
    assert rows[ends[0]].meaning == "question ends" and ends[1] == len(rows) - 1
    assert "".join(row.meaning.partition(" = ")[2].strip("'") for row in rows[1 : ends[0]]) == "may I go?"
    assert [row.meaning for row in rows[ends[0] + 1 :]] == ["kind = yes_no", "value = no", "answer ends"]
    assert [row.name for row in rows[ends[0] + 1 :]] == ["ask_kind yes_no", "ask_yes_no no", "special END"]


def test_the_ids_joined_are_what_was_written(samples: list[SceneSample]) -> None:
    for sample in samples:
        known = usual_chains(REQUESTS, sample, VOCABULARY, WINDOW)
        spans, reasons = true_spans(known, sample, VOCABULARY, WINDOW)
        rows = rows_of(None, spans)
        assert [row.at for row in rows] == list(range(len(rows))) and len(spans) + len(reasons) == len(REQUESTS)
        for number, (chain, ids) in enumerate(spans, 1):
            own = [row for row in rows if row.span == number]
            assert [row.id for row in own] == [int(chain.openings[0][0]), *ids.tolist()]
            assert [row.position for row in own] == list(range(SPAN_POSITION, SPAN_POSITION + len(own)))
            (task,), (link,) = chain.tasks, chain.chain
            answer = task.encode(task.truth(sample, link.prompt), sample.observation)
            assert [row.id for row in own][-len(answer) :] == answer.tolist()


# What the JSON forms call what places call by a letter or in one word.
LISTED = {"x": ("position", 0), "y": ("position", 1), "z": ("position", 2), "vx": ("velocity", 0), "vy": ("velocity", 1)}
LISTED |= {"length": ("size", 0), "width": ("size", 1), "height": ("size", 2)}


def value_at(found: Any, place: str) -> Any:
    for name in re.findall(r"\w+", place):
        if isinstance(found, list):
            found = found[int(name) if name.isdigit() else "xy".index(name)]
        elif name in found:
            found = found[name]
        else:
            key, number = LISTED[name]
            found = found[key][number]
    return found


@pytest.mark.parametrize("request_", ["see", "boxes:16", "roads", "describe", "plan:bins"])
def test_a_number_says_what_stands_at_its_place_of_the_answer(request_: str, samples: list[SceneSample]) -> None:
    checked, task = 0, make_task(request_, VOCABULARY, WINDOW)
    for sample in samples:
        for chain, ids in true_spans(chains(request_), sample, VOCABULARY, WINDOW)[0]:
            told = task.to_json(task.decode(ids, sample.observation))
            told = {"points": told} if request_ == "plan:bins" else told
            for row in rows_of(None, [(chain, ids)]):
                place, _, value = row.meaning.partition(" = ")
                if row.id is not None and VOCABULARY.place_of(row.id)[0].grid:
                    assert float(value.split()[0]) == pytest.approx(value_at(told, place), abs=1e-6), row
                    checked += 1
    assert checked > 5


@pytest.mark.parametrize("request_", REQUESTS)
def test_any_legal_answer_comes_apart_into_different_places(request_: str) -> None:
    task, rng = make_task(request_, VOCABULARY, WINDOW), np.random.default_rng(0)
    for _ in range(20):
        ids = random_answer(task.grammar, rng)
        places = task.places(ids)
        assert len(places) == len(set(places)) == len(ids) - 1


@pytest.mark.parametrize("request_", REQUESTS)
def test_closed_ranges_have_a_word_for_every_id(request_: str) -> None:
    task = make_task(request_, VOCABULARY, WINDOW)
    closed = {part.name: part.size for part in TASKS[task.name].declares(task.parameter, {}) if part.grid is None}
    assert {name: len(words) for name, words in task.words.items()} == closed
    for name, words in task.words.items():
        assert len(set(words)) == len(words) or name == "text"  # of which several pieces may be shown alike
        first = VOCABULARY.ranges[name].start
        assert task.name_of(first) == f"{name} {words[0]}"
    assert task.name_of(END) == "special END" and task.name_of(int(VOCABULARY.numbers_to_ids("metre", 15.6))) == "metre 15.6"
    with pytest.raises(ValueError, match="no id -1"):
        task.name_of(-1)


def test_what_is_not_known_is_left_out_of_its_chain_with_the_reason(samples: list[SceneSample]) -> None:
    dark = samples[1]  # no lights, no limits
    spans, reasons = true_spans(chains("see>plan,see:cap,see:lane"), dark, VOCABULARY, WINDOW)
    assert [[str(link) for link in chain.chain] for chain, _ in spans] == [["plan:bins"], ["see:lane"]]
    assert reasons == {"see": NOT_KNOWN, "see:cap": NOT_KNOWN}
    names = usual_requests(dark, WINDOW)
    assert "see" not in names and {"see:lane", "see:cap", "plan:bins", "boxes:16"} <= set(names)
    assert "see" in usual_requests(samples[0], WINDOW)


def test_a_network_shows_its_own_prefix_and_what_it_decodes() -> None:
    planner = NetworkPlanner(make_network(requests=("see:lane", "plan:bins", "ask")))
    seen = make_observation(cameras=2, frames=2)
    rows = rows_of(planner.prefix(seen), planner.spans(seen, chains("see:lane>plan,ask(may I go?)")))
    prefix = [row for row in rows if row.span == 0]
    assert [row.at for row in rows] == list(range(len(rows))) and {row.id for row in prefix} == {None}
    first = [row for row in prefix if row.of == "frame 0 CAM_0"]
    height, width = map(int, re.fullmatch(r"row \d+ of (\d+), column \d+ of (\d+)", first[0].meaning).groups())  # type: ignore[union-attr]
    places = [(r + 1, c + 1) for r in range(height) for c in range(width)]
    assert [row.meaning for row in first] == [f"row {r} of {height}, column {c} of {width}" for r, c in places]
    assert {row.of: row.meaning for row in prefix}["command"] == "left"
    assert {row.of: row.meaning for row in prefix}["dynamics"] == "8.00 m/s, +0.10 m/s2, +0.050 rad/s"
    assert {row.of for row in rows if row.span == 1} == {"see:lane", "plan:bins"} and {row.of for row in rows if row.span == 2} == {"ask"}
    task = make_task("plan", planner.network.config.vocabulary, planner.network.config.window)
    ids = [row.id for row in rows if row.of == "plan:bins"][1:]
    np.testing.assert_array_equal(task.decode(ids, seen), planner.answer(seen, "see:lane>plan,ask(may I go?)").best("plan:bins"))
