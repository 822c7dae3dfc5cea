"""Questions with known answers, what is not asked, balance, tokens and JSON, and fifty questions outside the templates."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from drive.answers.ask import KINDS, Reply, count, metres, word, words, yes_no
from drive.answers.boxes import CLASS_OF
from drive.cameras import in_picture
from drive.data.dataset import open_dataset
from drive.model.inputs import Prepared
from drive.schema import DecodeError, SceneSample, Window
from drive.tasks.ask import MOST_PIECES, AskTask
from drive.tasks.questions import QUESTIONS, WORDS, Facts, asked, question_of
from drive.tasks.questions.balance import Balance, answer_key, balanced
from drive.tasks.truths.way import FRONT_M
from drive.tokens.vocab import END, Vocabulary
from drive.train.example import Example
from tests.tasks.crossroads import CROSS_M, Other, crossroads

TASK = AskTask(Vocabulary().extended(AskTask.declares("", {}), ["ask"]), Window(), "")
PERSON = {"category": "human.pedestrian.adult", "size": (0.7, 0.7, 1.8)}
FIFTY = json.loads((Path(__file__).parent / "fifty_questions.json").read_text())


def street() -> SceneSample:
    """Standing 10 m before a red light: a car 15 m ahead on the way, standing; a truck behind, two walkers on the left, a bicycle far off,
    a bus that cannot be seen."""
    others = (
        Other(15.0, 0.0),
        Other(-12.0, 0.0, speed=3.0, category="vehicle.truck", size=(8.0, 2.5, 3.0)),
        Other(2.0, 9.0, speed=1.0, **PERSON),  # type: ignore[arg-type]
        Other(-3.0, 12.0, **PERSON),  # type: ignore[arg-type]
        Other(35.0, -25.0, category="vehicle.bicycle", size=(1.8, 0.6, 1.6)),
        Other(8.0, -6.0, category="vehicle.bus.rigid", size=(10.0, 2.9, 3.2), visibility=1),
    )
    return crossroads(10.0, light="red", cross_light="green", others=others)


ANSWERS = {
    "count_within vehicle 10": count(0),
    "count_within vehicle 20": count(2),
    "count_within bus 30": count(0),
    "count_within pedestrian 10": count(1),
    "count_within pedestrian 20": count(2),
    "any_within bicycle 30": yes_no(False),
    "any_side car ahead": yes_no(True),
    "any_side vehicle behind": yes_no(True),
    "count_side pedestrian left": count(2),
    "count_side car behind": count(0),
    "count_moving vehicle 30": count(1),
    "nearest_distance truck": metres(12.0),
    "nearest_distance pedestrian": metres(np.hypot(2, 9)),
    "nearest_distance cone": word("none"),
    "nearest_where car": word("ahead"),
    "nearest_where truck": word("behind"),
    "nearest_what": word("pedestrian"),
    "who_ahead": word("vehicle"),
    "anyone_ahead": yes_no(True),
    "lead_does": word("standing"),
    "light": word("red"),
    "any_light": yes_no(True),
    "is_red": yes_no(True),
    "light_distance": metres(10.0),
    "line_distance": metres(10.0),
    "may_go": yes_no(False),
    "must_wait": yes_no(True),
    "why_line may I not": words("The light is red."),
    "limit": Reply("number", 11.1, "m/s"),
    "bend": word("straight"),
    "too_fast": yes_no(False),
    "stands": yes_no(True),
    "slows": yes_no(False),
    "lanes": count(1),
    "beside left": yes_no(False),
    "more pedestrian car": yes_no(True),
    "more car truck": yes_no(False),
    "nearer car truck": word("truck"),
    "busier pedestrian": word("left"),
    "busier vehicle": word("same"),
}


def same(ours: Reply, right: Reply) -> bool:
    """Equal, numbers to a billionth."""
    near = ours.kind == right.kind == "number" and ours.unit == right.unit
    return abs(float(ours.value) - float(right.value)) < 1e-9 if near else ours == right


@pytest.mark.parametrize("name", ANSWERS)
def test_a_known_street(name: str) -> None:
    reply = QUESTIONS[name].answer(Facts(street()))
    assert reply is not None and same(reply, ANSWERS[name]), reply


def test_questions_that_make_no_sense_are_not_asked() -> None:
    names = {question.name for question, _ in asked(street())}
    assert "why_line may I" not in names  # one may not
    assert "nearer car bicycle" not in names  # the bicycle is further away than bicycles count
    assert "lead_faster" not in names  # both stand


def test_what_a_data_set_does_not_know_is_not_asked() -> None:
    sample = street()
    target = replace(sample.target, agents=None, lights=None, lanes=None, route=None)
    asked_of = {question.name for question, _ in asked(replace(sample, target=target))}
    assert asked_of == {"own_speed", "slows", "speeds_up", "stands"}
    unlit = {question.intent.name for question, _ in asked(replace(sample, target=replace(sample.target, lights=None)))}
    assert not unlit & {"light", "any_light", "is_red", "light_distance", "may_go", "must_wait", "why_line"} and "count_within" in unlit


def test_why_names_what_comes_first() -> None:
    near = Other(8.0, 0.0)
    assert why(crossroads(20.0, light="red", others=(near,))) == "A vehicle stands in the way."
    assert why(crossroads(5.0, light="red", others=(Other(13.0, 0.0),))) == "The light is red."
    assert why(crossroads(5.0, others=(Other(5.0 + FRONT_M + CROSS_M, -20.0, np.pi / 2, 8.0),))) == "Others go first at the junction."


def why(sample: SceneSample) -> str | None:
    reply = QUESTIONS["why_slow"].answer(Facts(sample))
    return None if reply is None else str(reply.value)


def many() -> list[SceneSample]:
    """Scenes of all kinds, with tokens of their own."""
    people = (Other(6.0, 5.0, **PERSON),), (Other(6.0, -5.0, **PERSON), Other(9.0, 4.0, **PERSON)), ()  # type: ignore[arg-type]
    cars = (Other(15.0, 0.0),), (Other(25.0, 0.0, speed=6.0), Other(-14.0, 0.0)), ()
    found = []
    for light, speed, walkers, drivers in product((None, "red", "green", "yellow"), (0.0, 7.0), people, cars):
        line, cross = (8.0 if speed else 30.0), ("green" if light == "red" else None)
        sample = crossroads(line, light=light, cross_light=cross, others=(*walkers, *drivers), speed=speed)
        found.append(replace(sample, token=f"scene {len(found)}"))
    return found


@pytest.fixture(scope="module")
def scenes() -> list[SceneSample]:
    return many()


def test_every_reply_is_its_own_after_tokens_and_json(scenes: list[SceneSample]) -> None:
    kinds = set()
    for sample in scenes[::7]:
        for prompt, reply in TASK.answers(sample):
            kinds.add(reply.kind)
            assert prompt == reply.question and question_of(prompt) is not None
            ids = TASK.encode(reply)
            again = TASK.decode(ids)
            np.testing.assert_array_equal(TASK.encode(again), ids)
            step = 0.05 if reply.unit == "m" else 0.1
            assert again == reply or abs(float(again.value) - float(reply.value)) <= step / 2 + 1e-9
            assert TASK.from_json(json.loads(json.dumps(TASK.to_json(reply)))) == reply
    assert kinds == set(KINDS)


def test_words_of_replies_are_those_that_can_be_written(scenes: list[SceneSample]) -> None:
    said = {str(reply.value) for sample in scenes for _, reply in asked(sample) if reply.kind == "word"}
    assert said <= set(WORDS) and len(said) >= 10


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "yes_no", "value": 1},
        {"kind": "count", "value": -1},
        {"kind": "count", "value": True},
        {"kind": "number", "value": 1.0},
        {"kind": "number", "value": float("nan"), "unit": "m"},
        {"kind": "number", "value": 1.0, "unit": "furlong"},
        {"kind": "word", "value": "blue"},
        {"kind": "words", "value": "a", "more": 1},
        {"kind": "song", "value": "la"},
        {"value": 1},
        "yes",
    ],
)
def test_json_that_is_no_answer_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="repl|answer|count|number|word"):
        TASK.from_json(value)


def test_what_cannot_be_written_is_refused() -> None:
    for reply in (metres(500.0), count(1000), word("blue"), words("no. " * MOST_PIECES)):
        with pytest.raises(ValueError, match="grid|word|text tokens"):
            TASK.encode(reply)


def test_every_way_through_the_grammar_is_an_answer() -> None:
    rng, kinds = np.random.default_rng(0), Counter[str]()
    for _ in range(300):
        state, ids = 0, []
        while state != TASK.grammar.final:
            edges = TASK.grammar.edges(state)
            low, high, state = edges[rng.integers(len(edges))]
            ids.append(int(rng.integers(low, high)))
        kinds[TASK.decode(ids).kind] += 1
    assert set(kinds) == set(KINDS) and ids[-1] == END
    with pytest.raises(DecodeError):
        TASK.decode([*ids[:-1], ids[-2], END, END])


def test_a_wording_means_one_thing_and_does_not_follow_the_answer() -> None:
    texts = [text for question in QUESTIONS.values() for text in question.texts]
    assert all(question_of(text) is question for question in QUESTIONS.values() for text in question.texts)
    assert len(set(texts)) == len(texts)
    red, green = crossroads(10.0, light="red"), crossroads(10.0, light="green")
    spoken = [{question.name: reply.question for question, reply in asked(sample)} for sample in (red, green)]
    shared = spoken[0].keys() & spoken[1].keys()
    assert len(shared) > 100 and all(spoken[0][name] == spoken[1][name] for name in shared)


def shares(replies: list[tuple[str, Reply]]) -> dict[str, tuple[int, float]]:
    """Question -> how often it is asked, and the share of its commonest answer."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reply in replies:
        found[name][answer_key(reply)] += 1
    return {name: (sum(c.values()), max(c.values()) / sum(c.values())) for name, c in found.items()}


def named(reply: Reply) -> str:
    question = question_of(reply.question)
    assert question is not None
    return question.name


def test_balanced_questions_do_not_tell_their_answers(scenes: list[SceneSample]) -> None:
    before = shares([(question.name, reply) for sample in scenes for question, reply in asked(sample)])
    kept = balanced(scenes)
    after = shares([(named(reply), reply) for _, _, reply in kept])
    assert max(share for _, share in before.values()) == 1.0
    assert after and max(share for _, share in after.values()) <= 0.5
    assert all(name not in after for name, (_, share) in before.items() if share == 1.0)
    shuffled = balanced(scenes[::-1])
    assert {(token, text) for token, text, _ in kept} == {(token, text) for token, text, _ in shuffled}


def test_a_balance_thins_out_sample_by_sample(scenes: list[SceneSample]) -> None:
    balance = Balance.of(scenes)
    kept = [(named(reply), reply) for sample in scenes for reply in balance.asked(sample)]
    often = {name: share for name, (number, share) in shares(kept).items() if number >= 30}
    assert len(often) > 10 and max(often.values()) < 0.65
    assert len(kept) < 0.6 * sum(1 for sample in scenes for _ in asked(sample))


def test_fifty_questions_are_no_templates_and_have_answers(scenes: list[SceneSample]) -> None:
    assert len({one["question"] for one in FIFTY}) == 50
    assert all(question_of(one["question"]) is None for one in FIFTY)
    assert len({QUESTIONS[one["asks"]].intent.name for one in FIFTY}) >= 30
    facts = [Facts(sample) for sample in scenes]
    told = {one["asks"]: [QUESTIONS[one["asks"]].answer(f) for f in facts] for one in FIFTY}
    nowhere = {name for name, replies in told.items() if all(reply is None for reply in replies)}
    assert nowhere == {"command"}  # no navigator here


@pytest.mark.real
def test_real_frames_are_asked_what_nuscenes_knows(real_data: Path) -> None:
    """Counts again by a loop over the annotations; nothing about lights, limits and lanes, which its tables do not tell."""
    samples = list(open_dataset(real_data / "nuscenes-mini", maps=False, limit=12))
    names = {question.intent.name for sample in samples for question, _ in asked(sample)}
    assert names >= {"count_within", "nearest_where", "more", "slows", "own_speed"}
    assert not names & {"light", "any_light", "is_red", "limit", "lanes", "may_go", "must_wait", "why_line", "gap", "bend"}
    kinds = ("car", "vehicle.car"), ("pedestrian", "human.pedestrian")
    for sample, (noun, category), radius in product(samples[::4], kinds, (10, 20, 30)):
        assert QUESTIONS[f"count_within {noun} {radius}"].answer(Facts(sample)) == count(counted(sample, category, radius))


def counted(sample: SceneSample, category: str, radius_m: float) -> int:
    """How many of a category are annotated so near, in sight and in a picture."""
    agents, number = sample.target.agents, 0
    assert agents is not None
    for k, name in enumerate(agents.categories):
        there = name.startswith(category) and name in CLASS_OF and agents.valid[k, agents.now]
        told = there and agents.points[k, agents.now] != 0 and agents.visibility[k, agents.now] != 1
        x, y, z = agents.centres[k, agents.now]
        if told and np.hypot(x, y) <= radius_m:
            c, s = np.cos(agents.headings[k, agents.now]), np.sin(agents.headings[k, agents.now])
            signs = np.array(list(product((-1, 1), (-1, 1), (-1, 1)))) / 2 * agents.sizes[k]
            corners = np.stack([x + signs[:, 0] * c - signs[:, 1] * s, y + signs[:, 0] * s + signs[:, 1] * c, z + signs[:, 2]], -1)
            cameras = [view.camera for view in sample.observation.frames[-1].cameras]
            number += any(in_picture(camera, corners).any() for camera in cameras)
    return number


def test_training_asks_in_all_wordings_and_answers_the_same() -> None:
    task = TASK
    example = Example(Prepared({}), street().observation, ((("May I go?", yes_no(False)),),))
    drawn = [example.draw(task, 0, np.random.default_rng(seed)) for seed in range(200)]
    asked_in = {one.prompt for one in drawn if one}
    assert asked_in == set(QUESTIONS["may_go"].texts)
    assert {tuple(one.ids.tolist()) for one in drawn if one} == {tuple(task.encode(yes_no(False)).tolist())}
    as_it_is = example.draw(task, 0, None)
    assert as_it_is is not None and as_it_is.prompt == "May I go?"
    assert task.reworded("Is the moon up?", np.random.default_rng(0)) == "Is the moon up?"  # words of somebody else's
