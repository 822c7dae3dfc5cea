"""Whatever the logits are, decoding gives a legal answer or a typed error: random, NaN, minus infinity, all mass on what is forbidden."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from drive.decode import engine, reference
from drive.decode.engine import Engine
from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import ModelConfig
from drive.model.inputs import collate, prepare
from drive.model.network import Cache
from drive.planners.asked import Asked
from drive.schema import DecodeError
from drive.tasks import TASKS, chains, make_task
from drive.tasks.base import Task
from drive.tokens.vocab import Vocabulary
from tests.model.conftest import make_network, make_observation

# Of tasks with many lengths the shortest; of the plan every codec.
REQUESTS = [
    f"{kind.name}:{parameter}" if parameter else kind.name
    for kind in TASKS.values()
    for parameter in (kind.parameters if kind.name == "plan" else kind.parameters[:1]) or ("",)
]
# Drawn once: a draw for each step would be most of the work.
NUMBERS = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0))
FINITE = ("random", "sharp", "illegal")


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    return ModelConfig(requests=tuple(REQUESTS))


def made(kind: str, allowed: Tensor, generator: torch.Generator) -> Tensor:
    """Logits where `allowed` bool says what the grammar permits."""
    start = int(torch.randint(len(NUMBERS) - allowed.numel(), (), generator=generator))
    logits = NUMBERS[start : start + allowed.numel()].view(allowed.shape) * (50.0 if kind == "sharp" else 1.0)
    if kind == "illegal":
        return logits.masked_fill(~allowed, 1e6)
    if kind == "one nan":
        logits[..., 0] = torch.nan
    return torch.full_like(logits, {"nan": torch.nan, "infinite": -torch.inf}[kind]) if kind in ("nan", "infinite") else logits


def by_engine(tables: GrammarTables, kind: str, seed: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The engine's loop over made-up logits in place of a network's."""
    generator, at = torch.Generator().manual_seed(seed), {"state": torch.full((batch, 1), tables.start[0])}

    def forbidden(self: GrammarTables, states: Tensor) -> Tensor:
        found = plain(self, states)
        at["allowed"] = found == 0
        # The engine has added nothing yet: logits of this step are made once the states are known.
        return made(kind, at["allowed"], generator) + found

    plain = GrammarTables.forbidden
    with monkeypatch.context() as patch:
        patch.setattr(GrammarTables, "forbidden", forbidden)
        patch.setattr(engine, "LiveSpans", lambda *_: SimpleNamespace(step=lambda ids: torch.zeros(())))
        patch.setattr(engine.Engine, "weights", lambda *_: None)
        network = SimpleNamespace(config=SimpleNamespace(transformer=None))
        cache = SimpleNamespace(valid=torch.ones(batch, 1, dtype=torch.bool))
        rows = engine.Engine(network).decode(cache, [0], tables)  # type: ignore[arg-type]
    return [row[0][0].ids for row in rows]


def by_reference(tables: GrammarTables, kind: str, seed: int, batch: int) -> list[np.ndarray]:
    """The readable loop over made-up logits of all ids."""
    generator = torch.Generator().manual_seed(seed)

    class Network:
        def extend(self, cache: Any, ids: Tensor) -> tuple[Tensor, Any]:
            everything = torch.zeros((batch, 1, 1, tables.size), dtype=torch.bool)
            return made(kind, everything, generator), cache

    cache = Cache([], torch.zeros(1), torch.zeros(1), torch.ones(batch, 1, dtype=torch.bool))
    return [row[0][0].ids for row in reference.decode(Network(), cache, [0], tables)]  # type: ignore[arg-type]


def check(task: Task, ids: np.ndarray, observation: Any) -> bool:
    """The answer is legal, and reads as finite numbers in range or as a typed error; whether it was read."""
    assert len(task.grammar.states(ids)) == len(ids)
    try:
        value = task.decode(ids, observation)
    except DecodeError:
        return False
    told = json.dumps(task.to_json(value), allow_nan=False)
    assert all(abs(number) < 1e4 for number in numbers_in(json.loads(told))), told
    task.from_json(json.loads(told))
    return True


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [number for item in (value.values() if isinstance(value, dict) else value) for number in numbers_in(item)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def decodes(config: ModelConfig, request: str, count: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """At least that many decodes of a request -> answers, typed errors of reading, of logits that are not finite."""
    task = make_task(request, config.vocabulary, config.window)
    tables, observation = grammar_tables([task.grammar], config.vocabulary.size), make_observation(window=config.window)
    read = refused = 0
    for number in range(-(-count // batch)):
        for ids in by_engine(tables, FINITE[number % 3], number, batch, monkeypatch):
            good = check(task, ids, observation)
            read, refused = read + good, refused + (not good)
    broken = 0
    for kind in ("nan", "infinite", "one nan"):
        with pytest.raises(DecodeError, match="not finite"):
            by_engine(tables, kind, 0, 2, monkeypatch)
        broken += 2
    return read, refused, broken


@pytest.mark.parametrize("request_", REQUESTS)
def test_decodes_of_every_task_are_legal_or_typed_errors(config: ModelConfig, request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = 16 if make_task(request_, config.vocabulary, config.window).grammar.max_length < 200 else 4
    read, refused, broken = decodes(config, request_, 3 * batch, batch, monkeypatch)
    assert read + refused == 3 * batch and broken == 6


def share(request: str, config: ModelConfig) -> int:
    """Of a hundred thousand decodes: few of the longest answers, the rest evenly."""
    longest = {r: make_task(r, config.vocabulary, config.window).grammar.max_length for r in REQUESTS}
    few = {r: 1_000 if length > 500 else 4_000 for r, length in longest.items() if length > 300}
    return few[request] if request in few else -(-(100_000 - sum(few.values())) // (len(REQUESTS) - len(few)))


@pytest.mark.slow
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_hundred_thousand_decodes_over_all_tasks(config: ModelConfig, request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(share(r, config) for r in REQUESTS) >= 100_000
    count = share(request_, config)
    read, refused, broken = decodes(config, request_, count, 200, monkeypatch)
    print(f"{request_}: {read} answers, {refused} refused when read, {broken} of logits that are not finite refused")
    assert read + refused >= count


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_readable_loop_holds_to_the_same(config: ModelConfig, request_: str) -> None:
    task = make_task(request_, config.vocabulary, config.window)
    tables = grammar_tables([task.grammar], config.vocabulary.size)
    for ids in by_reference(tables, "random", 0, 3):
        check(task, ids, make_observation(window=config.window))
    for kind in ("nan", "infinite"):
        with pytest.raises(DecodeError, match="not finite"):
            by_reference(tables, kind, 0, 3)


@pytest.mark.parametrize("tokens", [24, pytest.param(100_000, marks=pytest.mark.slow)])
def test_every_subset_of_the_tasks_answers_token_by_token_as_each_alone(tokens: int) -> None:
    """All 2^N - 1 subsets of N tasks in one request, with the weights of one random network, up to a number of tokens; in double
    precision, since hundreds of tokens of a random network hold near ties."""
    names = {name: f"{name}(how far is the car ahead?)" if kind.prompted else name for name, kind in TASKS.items()}
    network = make_network(5, requests=tuple(TASKS), vocabulary=Vocabulary())
    with torch.inference_mode():
        cache = network.prefix(collate([prepare(make_observation(3), network.config)]))
    cache = replace(cache, layers=[(k.double(), v.double()) for k, v in cache.layers])
    fast = Engine(network.double())

    tasks: dict[str, Task] = {}

    def ids_of(subset: tuple[str, ...]) -> list[np.ndarray]:
        asked = Asked.of(network, chains([names[name] for name in subset]), tasks)
        return [answers[0].ids for answers in fast.decode(cache, asked.ids, asked.tables, stop=lambda n: n >= tokens)[0]]

    alone = {name: ids_of((name,))[0] for name in TASKS}
    subsets = [subset for count in range(1, len(TASKS) + 1) for subset in combinations(TASKS, count)]
    assert len(subsets) == 2 ** len(TASKS) - 1
    for subset in subsets:
        for name, ids in zip(subset, ids_of(subset), strict=True):
            np.testing.assert_array_equal(ids, alone[name], err_msg=f"{name} among {subset}")
