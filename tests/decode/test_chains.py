"""Chains: one span whose links see those before them, alike in both ways of decoding, split into answers and failures link by link."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from drive.decode import reference
from drive.decode.engine import LiveSpans
from drive.model.network import DrivingNetwork
from drive.planners.asked import Asked
from drive.planners.network import NetworkPlanner
from drive.schema import PlanError
from drive.tasks import chains
from drive.tasks.chain import ChainTask
from drive.tokens.grammar import compile_grammar
from drive.tokens.joined import joined
from drive.tokens.vocab import END, Vocabulary
from drive.tokens.walk import random_answer
from drive.viz.answers import marks_of
from tests.decode.test_decode import decode_fast, decode_slowly
from tests.model.conftest import TINY, make_network, make_observation
from tests.tasks.toys import toys

__all__ = ["toys"]

pytestmark = pytest.mark.usefixtures("toys")
REQUESTS = ("plan:bins", "plan:text", "lamp", "tell")


@pytest.fixture
def network() -> DrivingNetwork:
    return make_network(2, requests=REQUESTS, vocabulary=Vocabulary())


def test_a_chains_grammar_is_its_parts_one_behind_the_other(network: DrivingNetwork) -> None:
    vocabulary = network.config.vocabulary
    (chain,) = chains("lamp>tell(how many?)>plan")
    task, rng = ChainTask.of(chain, vocabulary, TINY.window), np.random.default_rng(0)
    words = vocabulary.text_to_ids("how many?")
    lengths = set()
    for _ in range(50):
        lamp, tell, plan = (random_answer(t.grammar, rng) for t in task.tasks)
        openings = [vocabulary.request_id("tell"), *words, END], [vocabulary.request_id("plan:bins")]
        ids = np.concatenate([lamp, openings[0], tell, openings[1], plan])
        assert len(task.grammar.states(ids)) == len(ids) <= task.grammar.max_length
        for part, own in zip(task.parts(ids), (lamp, tell, plan), strict=True):
            np.testing.assert_array_equal(ids[part], own)
        assert len(task.parts(ids[: len(lamp) + 3])) == 1 and task.parts(ids[:0]) == []
        lengths.add(len(ids))
    assert len(lengths) == 2
    assert task.first == task.tasks[0].grammar.max_length == 4
    assert ChainTask.of(chain[1:], vocabulary, TINY.window).first == len(words) + 1 + 2
    with pytest.raises(ValueError, match="END stands inside"):
        joined([compile_grammar(task.tasks[0].expression), compile_grammar(ids_with_an_end())])


def ids_with_an_end() -> object:
    from drive.tokens.expression import literal

    return literal([5, END, 6])


def test_words_are_asked_for_and_refused_by_name(network: DrivingNetwork) -> None:
    planner = NetworkPlanner(network)
    with pytest.raises(ValueError, match=r"tell needs a question in words, as in tell\(may I go\?\)"):
        planner.answer(make_observation(), "lamp>tell")


@pytest.mark.parametrize("samples", [1, 4])
def test_the_engine_gives_the_tokens_of_the_reference(network: DrivingNetwork, samples: int) -> None:
    asked = Asked.of(network, chains("lamp>tell(how many?)>plan,plan:text"))
    ways: list[Callable[..., object]] = [decode_slowly, decode_fast]
    cache = prefix_of(network)
    slow, fast = (way(network, cache, asked.ids, asked.tables, samples, generator=torch.Generator().manual_seed(4)) for way in ways)
    for b in range(2):
        for r in range(2):
            for k in range(samples):
                np.testing.assert_array_equal(slow[b][r][k].ids, fast[b][r][k].ids)  # type: ignore[index]
                np.testing.assert_allclose(slow[b][r][k].log_probs, fast[b][r][k].log_probs, atol=1e-3)  # type: ignore[index]


def prefix_of(network: DrivingNetwork) -> object:
    from drive.model.inputs import collate, prepare

    with torch.inference_mode():
        return network.prefix(collate([prepare(make_observation(seed), network.config) for seed in (1, 2)]))


def test_a_link_sees_those_before_it_and_the_answer_is_that_of_the_full_forward(network: DrivingNetwork) -> None:
    """Each link's token is the likeliest under its own grammar, given all before it in the span."""
    (chain,) = chains("lamp>plan")
    task = ChainTask.of(chain, network.config.vocabulary, TINY.window)
    asked = Asked.of(network, (chain,))
    cache = prefix_of(network)
    for b, row in enumerate(reference.decode(network, cache, asked.ids, asked.tables)):  # type: ignore[arg-type]
        ids = row[0][0].ids
        with torch.inference_mode():
            span = torch.tensor([asked.ids[0], *ids[:-1]]).expand(2, 1, -1)
            logits = network.extend(cache, span)[0][b, 0]  # type: ignore[arg-type]
        for state, token, row_logits in zip(task.grammar.states(ids), ids, logits, strict=True):
            allowed = torch.from_numpy(task.grammar.allowed(int(state), network.config.vocabulary.size))
            assert int(row_logits.masked_fill(~allowed, -torch.inf).argmax()) == token
    planner = NetworkPlanner(network)
    alone = planner.answer(make_observation(1), "lamp,plan")
    chained = planner.answer(make_observation(1), "lamp>plan")
    assert chained.best("lamp") == alone.best("lamp")
    assert not np.array_equal(chained.best("plan:bins"), alone.best("plan:bins"))


def test_answers_are_named_by_links_and_fail_link_by_link(network: DrivingNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    planner, observation = NetworkPlanner(network), make_observation(1)
    answers = planner.answer(observation, "lamp>tell(how many?)>plan", samples=3)
    assert set(answers.values) == {"lamp", "tell(how many?)", "plan:bins"} and not answers.failures
    assert all(len(values) == 3 and answers.log_probs[name].shape == (3,) for name, values in answers.values.items())
    from tests.tasks.toys import TellTask

    grid = network.config.vocabulary.ranges["count"].start + 13
    monkeypatch.setattr(TellTask, "expression", property(lambda self: compile_token(grid)))
    failed = NetworkPlanner(network).answer(observation, "lamp>tell(how many?)>plan")
    assert failed.failures == {"tell(how many?)": "13 is not read"} and set(failed.values) == {"lamp", "plan:bins"}
    lonely = NetworkPlanner(make_network(2, requests=("plan:bins",), vocabulary=Vocabulary()))
    refused = lonely.answer(observation, "lamp>plan")
    assert refused.failures == {"lamp": "network was not trained to answer lamp"} and set(refused.values) == {"plan:bins"}


def compile_token(value: int) -> object:
    from drive.tokens.expression import token

    return token(value)


def test_plan_asks_a_whole_chain(network: DrivingNetwork) -> None:
    observation = make_observation(1)
    chained = NetworkPlanner(network, request="lamp>plan")
    best = chained.answer(observation, "lamp>plan").best("plan:bins")
    np.testing.assert_array_equal(chained.plan(observation).best, best)
    kept = make_network(2, requests=REQUESTS, vocabulary=Vocabulary(), plan_request="lamp>plan")
    np.testing.assert_array_equal(NetworkPlanner(kept).plan(observation).best, best)
    with pytest.raises(ValueError, match="plan_request 'lamp>plan' asks for lamp; requests are plan:bins, plan:text; add it there"):
        make_network(plan_request="lamp>plan")
    assert chained.plan(observation, samples=5).trajectories.shape == (5, 6, 3)
    for request in ("lamp", "plan,lamp", "plan>plan:text"):
        with pytest.raises(ValueError, match="one span with one plan"):
            NetworkPlanner(network, request=request).plan(observation)
    blind = NetworkPlanner(make_network(2, requests=("lamp",), vocabulary=Vocabulary()), "blind")
    with pytest.raises(PlanError, match="blind was not trained to answer plan; it answers lamp"):
        blind.plan(observation)
    with pytest.raises(ValueError, match="not trained to answer lamp"):
        NetworkPlanner(make_network(), request="lamp>plan").plan(observation)


def test_a_deadline_gets_the_plan_first_and_says_what_it_left_out(network: DrivingNetwork) -> None:
    planner, observation = NetworkPlanner(network), make_observation(1)
    late = planner.answer(observation, "lamp>plan,tell(how many?)", deadline_s=1e-9)
    assert set(late.values) == {"plan:bins", "tell(how many?)"}  # a short answer beside the plan is done before it
    assert late.failures == {"lamp": "the deadline of 1e-09 s came before its answer"}
    first = planner.answer(observation, "plan>lamp")
    np.testing.assert_array_equal(late.best("plan:bins"), first.best("plan:bins"))
    in_time = planner.answer(observation, "lamp>plan", deadline_s=1e3)
    assert in_time.best("lamp") == first.best("lamp") and not in_time.failures
    hurried = NetworkPlanner(network, request="lamp>plan", deadline_s=1e-9)
    np.testing.assert_array_equal(hurried.plan(observation).best, planner.plan(observation).best)


def test_the_attention_of_a_chain_is_named_link_by_link(network: DrivingNetwork) -> None:
    table, labels = NetworkPlanner(network, request="lamp>plan").attention(make_observation(1))
    names = [label for label in labels if label in ("lamp", "plan:bins")]
    lamp = names.count("lamp")
    assert names == ["lamp"] * lamp + ["plan:bins"] * 13 and lamp in (3, 5)
    assert table.shape == (len(labels),) * 2
    np.testing.assert_array_equal(table[-len(names) :, -len(names) :], np.tri(len(names), dtype=bool))


def test_a_plan_behind_given_thoughts(network: DrivingNetwork) -> None:
    planner = NetworkPlanner(network, request="lamp>tell(how many?)>plan")
    observation = make_observation()
    own = planner.answer(observation, planner.request or "")
    said = {link: own.values[link][0] for link in ("lamp", "tell(how many?)")}
    for count in range(3):  # its own thoughts, forced, give its own plan
        told = dict(list(said.items())[:count])
        np.testing.assert_array_equal(planner.plan_after(observation, told).best, own.values["plan:bins"][0])
    task = ChainTask.of(chains("lamp")[0], network.config.vocabulary, TINY.window).tasks[0]
    rng = np.random.default_rng(0)
    others = [task.decode(random_answer(task.grammar, rng)) for _ in range(8)]
    plans = [planner.plan_after(observation, {"lamp": value}).log_probs for value in others]
    assert len({float(log_prob[0]) for log_prob in plans if log_prob is not None}) > 1  # they are read


@pytest.mark.parametrize("told", [{"tell(how many?)": 3}, {"lamp": None, "plan:bins": None}, {"fly": 1}])
def test_thoughts_that_do_not_stand_in_front_of_the_plan_are_refused(network: DrivingNetwork, told: dict) -> None:
    planner = NetworkPlanner(network, request="lamp>tell(how many?)>plan")
    with pytest.raises(ValueError, match=r"thoughts are the first of lamp > tell\(how many\?\), got"):
        planner.plan_after(make_observation(), told)


@pytest.mark.parametrize("samples", [1, 3])
def test_spans_that_have_ended_are_not_worked_on(network: DrivingNetwork, samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked.of(network, chains("lamp,plan:text,tell(how many?),plan"))
    cache, spans = prefix_of(network), list[int]()
    step = LiveSpans.step

    def counted(self: LiveSpans, ids: torch.Tensor) -> torch.Tensor:
        spans.append(ids.shape[1])
        return step(self, ids)

    monkeypatch.setattr(LiveSpans, "step", counted)
    fast = decode_fast(network, cache, asked.ids, asked.tables, samples, generator=torch.Generator().manual_seed(4))
    slow = decode_slowly(network, cache, asked.ids, asked.tables, samples, generator=torch.Generator().manual_seed(4))
    assert spans[0] == 4 * samples and spans[-1] == (1 if samples == 1 else 4 * samples)  # draws are made for all of them at once
    for b in range(2):
        for r in range(4):
            for k in range(samples):
                np.testing.assert_array_equal(slow[b][r][k].ids, fast[b][r][k].ids)
                np.testing.assert_allclose(slow[b][r][k].log_probs, fast[b][r][k].log_probs, atol=1e-3)


def test_a_plan_tells_the_thoughts_before_it() -> None:
    network = make_network(2, requests=("plan:bins", "see:light", "decide"), vocabulary=Vocabulary())
    planner, observation = NetworkPlanner(network, request="see:light>decide>plan"), make_observation(1)
    answers = planner.answer(observation, "see:light>decide>plan")
    said = [*marks_of(answers.best("see:light")).words, str(answers.best("decide"))]
    assert planner.plan(observation).text == "\n".join(said)
    assert NetworkPlanner(network).plan(observation).text is None
    assert NetworkPlanner(network, request="plan>decide").plan(observation).text is None
    assert NetworkPlanner(network, request="see:light>plan", deadline_s=60.0).plan(observation).text is None
