"""What a CUDA graph needs: steps that never wait for the device. Where there is a GPU, its tokens are the engine's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from drive.decode.answer import as_ids
from drive.decode.engine import Engine, LiveSpans
from drive.decode.graph import GraphEngine, all_steps
from drive.decode.tables import grammar_tables
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.tasks import make_tasks
from tests.model.conftest import TINY, make_network, make_observation

(TASK,) = make_tasks(TINY.requests[:1], TINY.vocabulary, TINY.window)
REQUEST = [TINY.vocabulary.request_id(TINY.requests[0])]
WAITING = {"aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::masked_select"}


class Watched(TorchDispatchMode):
    """Writes down the operations that need a value on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(function._schema.name)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("samples", [1, 3])
def test_no_step_waits_and_all_steps_are_the_engines(samples: int, network: DrivingNetwork) -> None:
    tables = grammar_tables([TASK.grammar], TINY.vocabulary.size)
    with torch.inference_mode():
        cache = network.prefix(collate([prepare(make_observation(0), TINY)]))
        engine = Engine(network)
        spans = LiveSpans(engine.weights(tables), network.config.transformer, cache, samples, tables.choices)
        ids, state = (as_ids(list(values), samples, 1, torch.device("cpu")) for values in (REQUEST, tables.start))
        with Watched() as watched:
            history, told = all_steps(spans, ids, state, tables, samples, 1.0)
    assert "aten::mm" in watched.seen and not watched.seen & WAITING
    assert torch.isfinite(told).all()
    if samples == 1:
        assert history[0, 0].tolist() == engine.decode(cache, REQUEST, tables)[0][0][0].ids.tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_graphs_tokens_are_the_engines() -> None:
    network = make_network().to("cuda")
    tables = grammar_tables([TASK.grammar], TINY.vocabulary.size, "cuda")
    graphs, engine = GraphEngine(network), Engine(network)
    for seed in range(3):
        with torch.inference_mode():
            cache = network.prefix(collate([prepare(make_observation(seed), TINY)]).to("cuda"))
        found, expected = (e.decode(cache, REQUEST, tables)[0][0][0] for e in (graphs, engine))
        assert found.ids.tolist() == expected.ids.tolist() and found.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
