"""Objectives: a batch of examples -> a loss. Next-token cross entropy, within the grammar the decoder will apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import ModelConfig
from drive.model.inputs import collate
from drive.model.network import DrivingNetwork
from drive.tasks import make_tasks
from drive.tokens.codecs.bins import METRE
from drive.tokens.vocab import PAD
from drive.train.samples import Example


@dataclass(frozen=True, eq=False)
class Spans:
    """Teacher-forced request spans, all [B, S, L] int64 but weight: ids that go in, ids that should come out, grammar state
    before each of those; weight float32, 0 on padding."""

    ids: Tensor
    targets: Tensor
    states: Tensor
    weight: Tensor


class NextToken:
    """Mean negative log-probability of the answers' tokens, every answer weighing the same; one that is not known counts nothing.

    With metre_sigma > 0 a metre token shares its probability with its neighbours by a normal bell of that width. With
    answer_noise_m > 0 the metre tokens that go in are off by a normal error of that width, drawn by torch's generator.
    """

    def __init__(self, model: ModelConfig, metre_sigma: float, device: torch.device, answer_noise_m: float = 0.0) -> None:
        self.model, self.metre_sigma, self.answer_noise_m = model, metre_sigma, answer_noise_m
        self.grammars = [task.grammar for task in make_tasks(model.requests, model.vocabulary, model.window)]
        self.tables: GrammarTables = grammar_tables(self.grammars, model.vocabulary.size, device)
        self.metres = model.vocabulary.ranges.get(METRE, range(0))
        self.device = device

    def __call__(self, network: DrivingNetwork, examples: Sequence[Example]) -> Tensor:
        batch = collate([example.prepared for example in examples]).to(self.device)
        spans = self.spans(examples)
        ids = self._disturbed(spans.ids) if self.answer_noise_m > 0 else spans.ids
        logits = network(batch, ids) + self.tables.forbidden_of_all(spans.states)
        log_prob = logits.log_softmax(-1)
        loss = -log_prob.gather(-1, spans.targets[..., None])[..., 0]
        if self.metre_sigma > 0 and self.metres:
            loss = torch.where(self._is_metre(spans.targets), self._soft(log_prob, spans.targets), loss)
        known = spans.weight.sum(-1)
        # Where the target is padding its probability may be that of an id outside the grammar: minus infinity times nothing.
        means = torch.where(spans.weight > 0, loss, 0.0).sum(-1) / known.clamp_min(1.0)
        return means.sum() / (known > 0).sum().clamp_min(1)

    def spans(self, examples: Sequence[Example]) -> Spans:
        """Examples -> padded spans."""
        length = max((len(answer) for example in examples for answer in example.answers if answer is not None), default=1)
        shape = (len(examples), len(self.grammars), length)
        ids, targets = np.full(shape, PAD), np.full(shape, PAD)
        states, weight = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for r, (request, grammar) in enumerate(zip(self.model.requests, self.grammars, strict=True)):
            states[:, r] = self.tables.final[r]
            for b, example in enumerate(examples):
                answer = example.answers[r]
                if answer is not None:
                    n = len(answer)
                    ids[b, r, :n] = [self.model.vocabulary.request_id(request), *answer[:-1]]
                    targets[b, r, :n], weight[b, r, :n] = answer, 1.0
                    states[b, r, :n] = grammar.states(answer) + self.tables.start[r]
        return Spans(*(torch.from_numpy(a).to(self.device) for a in (ids, targets, states, weight)))

    def _disturbed(self, ids: Tensor) -> Tensor:
        """The ids with metre tokens moved along their grid."""
        if not self.metres:
            return ids
        step = self.model.vocabulary.grid(METRE).step
        moved = ids + torch.round(torch.randn(ids.shape, device=ids.device) * self.answer_noise_m / step).long()
        return torch.where(self._is_metre(ids), moved.clamp(self.metres.start, self.metres.stop - 1), ids)

    def _is_metre(self, ids: Tensor) -> Tensor:
        return (ids >= self.metres.start) & (ids < self.metres.stop)

    def _soft(self, log_prob: Tensor, targets: Tensor) -> Tensor:
        grid = torch.arange(len(self.metres), device=targets.device)
        distance = (grid - (targets[..., None] - self.metres.start)) * self.model.vocabulary.grid(METRE).step / self.metre_sigma
        share = torch.softmax(-0.5 * distance**2, -1)
        # 0 * -inf would be NaN where the grammar allows no metre token; such entries are not metre targets and are dropped.
        return -(share * log_prob[..., self.metres.start : self.metres.stop].clamp_min(-1e4)).sum(-1)
