"""Spans packed into rows: the same loss and gradients as spans padded to one length, and nothing leaks between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from drive.config import DatasetConfig, NextTokenConfig
from drive.decode.tables import grammar_tables
from drive.model.network import DrivingNetwork, _alike
from drive.tokens.sequence import MAX_FRAMES, attention_table, concatenate, may_attend, span_tokens, tail_tokens
from drive.tokens.vocab import PAD, Vocabulary
from drive.train.networks import kind_of
from drive.train.objectives import STUDENT, NextToken
from drive.train.objectives.next_token import TokenBatch
from drive.train.sources.dataset import DatasetSamples
from drive.train.spans import packed
from tests.tasks.toys import toys
from tests.train.tiny import MODEL

__all__ = ["toys"]
pytestmark = pytest.mark.usefixtures("toys")
CPU = torch.device("cpu")
REQUESTS = ("plan:bins", "plan:text", "lamp", "tell")


def objective_of(**settings: object) -> NextToken:
    model = replace(MODEL, requests=REQUESTS, vocabulary=Vocabulary())
    return NextToken(NextTokenConfig(sigma={"metre": 0.3, "speed_mps": 0.5}, **settings), model, CPU)  # type: ignore[arg-type]


@pytest.fixture
def samples(mini: Path) -> DatasetSamples:
    data = DatasetConfig(root=str(mini), split="stopped,accelerate")
    return DatasetSamples(data, kind_of(MODEL).needs(replace(MODEL, requests=REQUESTS, vocabulary=Vocabulary())))


def padded_loss(objective: NextToken, network: DrivingNetwork, batch: TokenBatch) -> Tensor:
    """The readable way: every span a row of a tensor [B, S, L], logits of every token, one grammar after the other."""
    spans = batch.spans
    count = int(spans.packed.block.max()) - MAX_FRAMES
    total = torch.zeros(())
    for b in range(len(spans.targets)):
        for s in range(count):
            at = torch.nonzero(spans.packed.block[b] == MAX_FRAMES + 1 + s)[:, 0]
            if not len(at) or not (spans.weight[b, at] > 0).any():
                continue
            ids = torch.full((len(spans.targets), 1, int(at[-1] - at[0]) + 8), PAD)
            ids[b, 0, : len(at)] = spans.packed.ids[b, at]
            logits = network.extend(network.prefix(batch.inputs), ids)[0][b, 0, : len(at)]
            for t, place in enumerate(at.tolist()):
                if spans.weight[b, place] > 0:
                    task = objective.tasks[int(spans.task[b, place])]
                    tables = grammar_tables([task.grammar], objective.model.vocabulary.size)
                    log_prob = (logits[t] + tables.forbidden_of_all(spans.states[b, place])).log_softmax(-1)
                    every = torch.arange(len(log_prob))
                    loss = objective.token_losses(log_prob[None], spans.targets[b, place][None], every)[0]
                    total = total + loss * spans.weight[b, place]
    return total / objective.count(batch)


def test_the_packed_loss_and_its_gradients_are_those_of_padded_spans(samples: DatasetSamples) -> None:
    objective = objective_of(chains=("lamp>plan", "tell", "plan:text"))
    batch = objective.collate([objective.example(samples[i]) for i in (0, 5, 9)], None)
    torch.manual_seed(0)
    network = DrivingNetwork(objective.model).eval()
    loss, figures = objective.loss({STUDENT: network}, batch, torch.Generator())
    known = sum(figures[f"loss/{name}"] for name in REQUESTS)
    assert known == pytest.approx(loss.item(), abs=1e-5)
    plain = padded_loss(objective, network, batch)
    assert loss.item() == pytest.approx(plain.item(), abs=1e-5)
    names = [name for name, p in network.named_parameters() if p.requires_grad and "backbone" not in name]
    weights = [dict(network.named_parameters())[name] for name in names]
    for name, a, b in zip(names, *(torch.autograd.grad(x, weights, allow_unused=True) for x in (loss, plain)), strict=True):
        assert (a is None) == (b is None), name
        if a is not None and b is not None:
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-3, msg=name)


def test_no_gradient_flows_between_spans_and_it_flows_along_a_chain(samples: DatasetSamples) -> None:
    objective = objective_of(chains=("lamp>plan", "tell"))
    batch = objective.collate([objective.example(samples[0])], None)
    network = DrivingNetwork(objective.model).eval()
    kept: list[Tensor] = []
    network.tokens.register_forward_hook(lambda _, __, out: kept.append(out.requires_grad_()) or out)
    hidden = network.behind(network.prefix(batch.inputs), batch.spans.packed)
    task, block = batch.spans.task[0], batch.spans.packed.block[0]
    wanted = batch.spans.packed.wanted[0]
    logits = network.logits(hidden[0])
    for asked, seen in {"lamp": {"lamp"}, "plan:bins": {"lamp", "plan:bins"}, "tell": {"tell"}}.items():
        places = wanted & (task == REQUESTS.index(asked))
        (grown,) = torch.autograd.grad(logits[places].logsumexp(-1).sum(), kept[-1], retain_graph=True)
        reached = grown[0].abs().sum(-1) > 0
        first = {"lamp": MAX_FRAMES + 1, "plan:bins": MAX_FRAMES + 1, "tell": MAX_FRAMES + 2}[asked]
        assert not reached[block != first].any()
        for other in seen:
            assert reached[wanted & (task == REQUESTS.index(other))].any()
        if asked == "lamp":
            assert not reached[wanted & (task == REQUESTS.index("plan:bins"))][1:].any()


def test_the_rows_table_is_that_of_its_spans(samples: DatasetSamples) -> None:
    objective = objective_of(chains=("lamp>plan", "tell"))
    batch = objective.collate([objective.example(samples[0])], None)
    block, position = (x[0].numpy() for x in (batch.spans.packed.block, batch.spans.packed.position))
    lengths = np.bincount(block - MAX_FRAMES - 1)
    drawn = concatenate([tail_tokens([]), *(span_tokens(s, ("span", int(n))) for s, n in enumerate(lengths))])
    np.testing.assert_array_equal(block, drawn.block)
    np.testing.assert_array_equal(position, drawn.position)
    used = may_attend(block[:, None], position[:, None], block[None], position[None])
    np.testing.assert_array_equal(used, attention_table(drawn))
    assert lengths.tolist() == [1 + 4 + 1 + 12, 1 + len("how many cars?") + 1 + 1]


def test_what_is_not_known_leaves_a_chain_and_is_counted(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tasks.toys import LampTask

    objective = objective_of(chains=("lamp>plan", "tell"))
    whole = objective.collate([objective.example(samples[i]) for i in range(4)], None)
    monkeypatch.setattr(LampTask, "answer", lambda self, sample: None)
    examples = [objective.example(samples[i]) for i in range(4)]
    batch = objective.collate(examples, None)
    assert objective.count(batch) == 8 and objective.count(whole) == 12
    network = DrivingNetwork(objective.model).eval()
    loss, figures = objective.loss({STUDENT: network}, batch, torch.Generator())
    assert figures["unknown/lamp"] == 1 and figures["unknown/plan:bins"] == 0 and figures["loss/lamp"] == 0
    alone = objective_of(chains=("plan", "tell"))
    again, _ = alone.loss({STUDENT: network}, alone.collate(examples, None), torch.Generator())
    assert loss.item() == pytest.approx(again.item(), abs=1e-6)
    nothing = objective_of(chains=("lamp",))
    batch = nothing.collate(examples, None)
    assert nothing.count(batch) == 0 and nothing.loss({STUDENT: network}, batch, torch.Generator())[0].item() == 0


def test_rows_in_groups_of_like_length_are_answered_as_all_together(samples: DatasetSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(chains=("lamp>plan", "plan:text"), shares={"plan:text": 0.5})
    batch = objective.collate([objective.example(samples[i]) for i in range(6)], [np.random.default_rng(i) for i in range(6)])
    network, spans = DrivingNetwork(objective.model).eval(), batch.spans.packed
    prefix = network.prefix(batch.inputs)
    assert [len(rows) for rows, _ in _alike(spans.wanted)] != [6], "rows of one length would prove nothing"
    grouped = network.behind(prefix, spans)[spans.wanted]
    monkeypatch.setattr("drive.model.network._alike", lambda wanted: [(torch.arange(len(wanted)), wanted.shape[1])])
    torch.testing.assert_close(grouped, network.behind(prefix, spans)[spans.wanted], atol=1e-5, rtol=1e-5)


def test_a_batch_that_asks_for_nothing_has_the_gradients_of_one_that_does_if_zero(samples: DatasetSamples) -> None:
    """Another rank's batch may ask for something: gradients are added up in one row, and would not fit."""
    objective = objective_of(chains=("lamp>plan",))
    network = DrivingNetwork(objective.model)
    batch = objective.collate([objective.example(samples[i]) for i in (0, 5)], None)

    def gradients(batch: TokenBatch) -> dict[str, Tensor]:
        network.zero_grad()
        objective.loss({STUDENT: network}, batch, torch.Generator())[0].backward()
        return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    asked = set(gradients(batch))
    none = gradients(replace(batch, spans=packed([(), ()])))
    assert set(none) == asked and not any(gradient.any() for gradient in none.values())
