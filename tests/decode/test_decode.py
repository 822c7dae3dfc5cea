"""Decoding under the grammar: always finite plans, samples with the right probabilities, independent of company; the fast way and the
readable one alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from drive.decode import alone, reference
from drive.decode import engine as engine_module
from drive.decode.alone_kernel import write
from drive.decode.answer import Answer
from drive.decode.engine import Engine, LiveSpans
from drive.decode.tables import GrammarTables
from drive.decode.tables import grammar_tables as tables_over
from drive.decode.warm import compile_answers
from drive.model.inputs import collate, prepare
from drive.model.network import Cache, DrivingNetwork
from drive.schema import DecodeError
from drive.tasks import make_tasks
from drive.tokens.expression import choice, ids, literal, repeat, sequence, token
from drive.tokens.grammar import Grammar, compile_grammar
from drive.tokens.vocab import END
from tests.model.conftest import TINY, make_network, make_observation

STEPS = len(TINY.window.future_times_s)
TASKS = make_tasks(TINY.requests, TINY.vocabulary, TINY.window)
REQUESTS = [TINY.vocabulary.request_id(request) for request in TINY.requests]

Decoded = list[list[list[Answer]]]


def grammar_tables(grammars: list[Grammar]) -> GrammarTables:
    return tables_over(grammars, TINY.vocabulary.size)


def decode_slowly(network: DrivingNetwork, *arguments: object, **options: object) -> Decoded:
    return reference.decode(network, *arguments, **options)  # type: ignore[arg-type]


def decode_fast(network: DrivingNetwork, *arguments: object, **options: object) -> Decoded:
    return Engine(network).decode(*arguments, **options)  # type: ignore[arg-type]


@pytest.fixture(params=[decode_slowly, decode_fast], ids=["reference", "engine"])
def decode(request: pytest.FixtureRequest) -> Callable[..., Decoded]:
    """Either way of decoding: what is said here holds for both."""
    return request.param


def prefix(network: DrivingNetwork, *seeds: int) -> Cache:
    with torch.inference_mode():
        return network.prefix(collate([prepare(make_observation(seed), TINY) for seed in seeds]))


@pytest.mark.parametrize("networks", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_random_networks_and_inputs_decode_to_finite_plans(networks: int, decode: Callable[..., Decoded]) -> None:
    network, tables = make_network(), [grammar_tables([task.grammar]) for task in TASKS]
    for seed in range(networks if decode is decode_fast else networks // 4):
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


def test_weights_that_overflow_are_a_decode_error_not_a_hang(decode: Callable[..., Decoded]) -> None:
    network = make_network()
    with torch.no_grad():
        network.head.weight.fill_(torch.inf)
    with pytest.raises(DecodeError, match="not finite"):
        decode(network, prefix(network, 0), REQUESTS[:1], grammar_tables([TASKS[0].grammar]))


def test_all_requests_and_batches_decoded_together_equal_each_alone(decode: Callable[..., Decoded], network: DrivingNetwork) -> None:
    together = decode(network, prefix(network, 1, 2), REQUESTS, grammar_tables([task.grammar for task in TASKS]))
    for b, (r, task) in itertools.product(range(2), enumerate(TASKS)):
        alone = decode(network, prefix(network, b + 1), [REQUESTS[r]], grammar_tables([task.grammar]))[0][0][0]
        np.testing.assert_array_equal(together[b][r][0].ids, alone.ids)
        assert together[b][r][0].log_prob == pytest.approx(alone.log_prob, abs=1e-4)


def test_log_probability_is_that_of_the_full_forward(decode: Callable[..., Decoded], network: DrivingNetwork) -> None:
    cache, task = prefix(network, 3), TASKS[0]
    tables = grammar_tables([task.grammar])
    for answer in decode(network, cache, REQUESTS[:1], tables, samples=3, generator=torch.Generator().manual_seed(0))[0][0]:
        ids = torch.tensor([[[REQUESTS[0], *answer.ids[:-1]]]])
        with torch.inference_mode():
            logits = network.extend(cache, ids)[0][0, 0].double()
        log_probs = (logits + tables.forbidden_of_all(torch.from_numpy(task.grammar.states(answer.ids)))).log_softmax(-1)
        assert answer.log_prob == pytest.approx(float(log_probs[range(len(answer.ids)), answer.ids].sum()), abs=1e-4)


def test_samples_follow_the_networks_distribution(decode: Callable[..., Decoded], network: DrivingNetwork) -> None:
    """A one-token answer of three ids: frequencies of 3,000 draws against the probabilities, and a seed repeats itself."""
    start = TINY.vocabulary.ranges["metre"].start
    tables = grammar_tables([compile_grammar(ids(start, start + 3))])
    cache = prefix(network, 5)

    def draw() -> list[int]:
        answers = decode(network, cache, REQUESTS[:1], tables, samples=3000, generator=torch.Generator().manual_seed(1))[0][0]
        return [int(a.ids[0]) - start for a in answers]

    drawn = draw()
    with torch.inference_mode():
        probability = network.extend(cache, torch.tensor([[[REQUESTS[0]]]]))[0][0, 0, 0, start : start + 3].softmax(-1).numpy()
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 3000, probability, atol=0.03)
    assert draw() == drawn


def uneven() -> Grammar:
    """Answers of two to six tokens, some with one way on."""
    low = TINY.vocabulary.ranges["metre"].start
    item = choice(ids(low, low + 50), sequence(token(20), literal([21, 22])))
    return compile_grammar(sequence(repeat(item, 1, 5), choice(token(30), literal([31, 32]))))


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("changes", [{}, {"transformer": replace(TINY.transformer, qk_norm=False, kv_heads=4)}], ids=["qk norm", "no norm"])
def test_the_engine_gives_the_tokens_of_the_reference(samples: int, changes: dict) -> None:
    """Several requests of different lengths, a batch in which some cameras are missing, one answer or samples by one seed."""
    network = make_network(3, **changes)
    tables = grammar_tables([TASKS[0].grammar, uneven(), TASKS[1].grammar])
    requests = [REQUESTS[0], REQUESTS[0], REQUESTS[1]]
    batch = [make_observation(0, cameras=3, frames=2), make_observation(1, cameras=1), make_observation(2, cameras=2, frames=3)]
    with torch.inference_mode():
        cache = network.prefix(collate([prepare(observation, TINY) for observation in batch]))
    slow, fast = (
        way(network, cache, requests, tables, samples, generator=torch.Generator().manual_seed(4)) for way in (decode_slowly, decode_fast)
    )
    lengths = set()
    for a, b in zip((a for row in slow for r in row for a in r), (b for row in fast for r in row for b in r), strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        assert a.log_prob == pytest.approx(b.log_prob, abs=1e-3)
        lengths.add(len(a.ids))
    assert len(lengths) > 2


@pytest.mark.parametrize("cameras", [1, 2, 3])
def test_small_networks_write_each_answer_in_one_call(cameras: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One observation, some of whose tokens are not there, requests of different lengths: the tokens of the reference, without a step."""
    monkeypatch.setattr(LiveSpans, "step", None)
    network, requests = make_network(cameras), [REQUESTS[0], REQUESTS[0], REQUESTS[1]]
    tables = grammar_tables([TASKS[0].grammar, uneven(), TASKS[1].grammar])
    with torch.inference_mode():
        pair = network.prefix(collate([prepare(make_observation(n, cameras=n), TINY) for n in (cameras, 3)]))
    cache = pair.take(torch.tensor([0]))
    assert bool(cache.valid.all()) == (cameras == 3)
    slow, fast = (way(network, cache, requests, tables)[0] for way in (decode_slowly, decode_fast))
    for a, b in zip((r[0] for r in slow), (r[0] for r in fast), strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_allclose(a.log_probs, b.log_probs, atol=1e-4)
    assert len({len(r[0].ids) for r in fast}) == 3


def test_setup_compiles_what_answers_are_written_by(network: DrivingNetwork) -> None:
    compile_answers()
    count = len(write.signatures)  # type: ignore[attr-defined]
    decode_fast(network, prefix(network, 1), REQUESTS[:1], grammar_tables([TASKS[0].grammar]))
    assert len(write.signatures) == count  # type: ignore[attr-defined]


def test_larger_networks_and_other_forms_take_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = make_network(0, transformer=replace(TINY.transformer, qk_norm=False)), make_network(0)
    tables = grammar_tables([TASKS[0].grammar])
    assert Engine(networks[0])._alone(tables) is None and Engine(networks[1])._alone(tables) is not None
    monkeypatch.setattr(alone, "MOST_WEIGHTS", 10)
    assert Engine(networks[1])._alone(tables) is None


def test_the_engine_notices_changed_weights(network: DrivingNetwork) -> None:
    network = make_network(1)
    engine, tables, cache = Engine(network), grammar_tables([TASKS[0].grammar]), prefix(network, 1)
    before = engine.decode(cache, REQUESTS[:1], tables)[0][0][0]
    with torch.no_grad():
        network.head.weight.neg_()
    after = engine.decode(cache, REQUESTS[:1], tables)[0][0][0]
    assert after.ids.tolist() != before.ids.tolist()
    np.testing.assert_array_equal(after.ids, decode_slowly(network, cache, REQUESTS[:1], tables)[0][0][0].ids)


def test_requests_by_turns_pack_no_weights_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    network, packings = make_network(1), []
    pack = engine_module.pack
    monkeypatch.setattr(engine_module, "pack", lambda *given: packings.append(given[2]) or pack(*given))
    engine, cache = Engine(network), prefix(network, 1)
    sets = [grammar_tables([task.grammar]) for task in (TASKS * engine_module.KEPT)[: engine_module.KEPT + 1]]
    for _ in range(3):
        for request, tables in zip(REQUESTS, sets[:2], strict=False):
            found = engine.decode(cache, [request], tables)[0][0][0]
            np.testing.assert_array_equal(found.ids, decode_slowly(network, cache, [request], tables)[0][0][0].ids)
    assert len(packings) == 2
    for tables in (*sets, sets[0]):
        engine.weights(tables)
    assert len(packings) == 2 + engine_module.KEPT, "the first was forgotten, and is packed once more"


def test_masks_too_large_to_keep_are_made_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = grammar_tables([uneven(), TASKS[1].grammar])
    monkeypatch.setattr("drive.decode.tables.KEPT_BYTES", 0)
    made = grammar_tables([uneven(), TASKS[1].grammar])
    states = torch.arange(len(kept.low))
    assert kept.kept is not None and made.kept is None
    torch.testing.assert_close(made.forbidden(states), kept.forbidden(states))


def test_tables_say_what_the_grammars_say() -> None:
    grammars = [uneven(), TASKS[1].grammar]
    tables, size = grammar_tables(grammars), TINY.vocabulary.size
    for grammar, start in zip(grammars, tables.start, strict=True):
        for state in range(len(grammar)):
            if state == grammar.final:
                continue
            at = torch.tensor(start + state)
            np.testing.assert_array_equal(tables.forbidden_of_all(at).numpy() == 0, grammar.allowed(state, size))
            for low, _, target in grammar.edges(state):
                assert int(tables.after(at, torch.tensor(low))) == start + target
    assert END in tables.used.tolist()
