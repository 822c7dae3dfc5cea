"""Decoding under the grammar: always finite plans, samples with the right probabilities, independent of company."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from drive.model.decode import decode, grammar_tables
from drive.tasks.planning import planning_task

from drive.model.inputs import collate, prepare
from drive.model.network import Cache, DrivingNetwork
from drive.schema import DecodeError
from drive.tokens.grammar import GrammarBuilder
from drive.tokens.vocab import END
from tests.model.conftest import TINY, make_network, make_observation

STEPS = len(TINY.window.future_times_s)
TASKS = [planning_task(request, TINY.vocabulary, STEPS) for request in TINY.requests]
REQUESTS = [TINY.vocabulary.request_id(task.request) for task in TASKS]


def prefix(network: DrivingNetwork, *seeds: int) -> Cache:
    with torch.inference_mode():
        return network.prefix(collate([prepare(make_observation(seed), TINY) for seed in seeds]))


def test_a_thousand_random_networks_and_inputs_decode_to_finite_plans() -> None:
    network, tables = make_network(), [grammar_tables([task.grammar]) for task in TASKS]
    for seed in range(1000):
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(0, (0.02, 0.1, 0.5, 1.0)[seed % 4])
        # Text answers take eight times as many steps; one in ten is enough.
        kind = int(seed % 10 == 0)
        answer = decode(network, prefix(network, seed), [REQUESTS[kind]], tables[kind])[0][0][0]
        poses = TASKS[kind].decode(answer.ids)
        assert poses.shape == (STEPS, 3) and np.isfinite(poses).all()
        assert np.isfinite(answer.log_prob) and answer.log_prob <= 1e-9


def test_weights_that_overflow_are_a_decode_error_not_a_hang() -> None:
    network = make_network()
    with torch.no_grad():
        network.head.weight.fill_(torch.inf)
    with pytest.raises(DecodeError, match="not finite"):
        decode(network, prefix(network, 0), REQUESTS[:1], grammar_tables([TASKS[0].grammar]))


def test_all_requests_and_batches_decoded_together_equal_each_alone(network: DrivingNetwork) -> None:
    together = decode(network, prefix(network, 1, 2), REQUESTS, grammar_tables([task.grammar for task in TASKS]))
    for b, (r, task) in itertools.product(range(2), enumerate(TASKS)):
        alone = decode(network, prefix(network, b + 1), [REQUESTS[r]], grammar_tables([task.grammar]))[0][0][0]
        np.testing.assert_array_equal(together[b][r][0].ids, alone.ids)
        assert together[b][r][0].log_prob == pytest.approx(alone.log_prob, abs=1e-4)


def test_log_probability_is_that_of_the_full_forward(network: DrivingNetwork) -> None:
    cache, task = prefix(network, 3), TASKS[0]
    tables = grammar_tables([task.grammar])
    for answer in decode(network, cache, REQUESTS[:1], tables, samples=3, generator=torch.Generator().manual_seed(0))[0][0]:
        ids = torch.tensor([[[REQUESTS[0], *answer.ids[:-1]]]])
        with torch.inference_mode():
            logits = network.extend(cache, ids)[0][0, 0].double()
        allowed = tables.allowed[torch.from_numpy(task.grammar.states(answer.ids))]
        log_probs = logits.masked_fill(~allowed, -torch.inf).log_softmax(-1)
        assert answer.log_prob == pytest.approx(float(log_probs[range(len(answer.ids)), answer.ids].sum()), abs=1e-4)


def test_samples_follow_the_networks_distribution(network: DrivingNetwork) -> None:
    """A one-token answer of three ids: frequencies of 3,000 draws against the probabilities, and a seed repeats itself."""
    start = TINY.vocabulary.ranges["metre"].start
    builder = GrammarBuilder(TINY.vocabulary.size)
    middle = builder.state()
    builder.edge(0, range(start, start + 3), middle)
    tables = grammar_tables([builder.compile(builder.chain(middle, [END]))])
    cache = prefix(network, 5)

    def draw() -> list[int]:
        answers = decode(network, cache, REQUESTS[:1], tables, samples=3000, generator=torch.Generator().manual_seed(1))[0][0]
        return [int(a.ids[0]) - start for a in answers]

    drawn = draw()
    with torch.inference_mode():
        probability = network.extend(cache, torch.tensor([[[REQUESTS[0]]]]))[0][0, 0, 0, start : start + 3].softmax(-1).numpy()
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 3000, probability, atol=0.03)
    assert draw() == drawn
