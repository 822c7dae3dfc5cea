"""Objectives: a batch of examples -> a loss. Next-token cross entropy, within the grammar the decoder will apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive.model.decode import GrammarTables, grammar_tables
from drive.model.inputs import collate
from drive.model.network import DrivingNetwork
from drive.tasks.planning import PlanningTask
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
    """Mean negative log-probability of the answers' tokens, every request weighing the same.

    With metre_sigma > 0 a metre token shares its probability with its neighbours by a normal bell of that width. With
    answer_noise_m > 0 the metre tokens that go in are off by a normal error of that width, drawn by torch's generator.
    """

    def __init__(self, tasks: Sequence[PlanningTask], metre_sigma: float, device: torch.device, answer_noise_m: float = 0.0) -> None:
        self.tasks, self.metre_sigma, self.answer_noise_m = tuple(tasks), metre_sigma, answer_noise_m
        self.tables: GrammarTables = grammar_tables([task.grammar for task in self.tasks], device)
        self.vocabulary = self.tasks[0].vocabulary
        self.device = device

    def __call__(self, network: DrivingNetwork, examples: Sequence[Example]) -> Tensor:
        batch = collate([example.prepared for example in examples]).to(self.device)
        spans = self.spans(examples)
        ids = self._disturbed(spans.ids) if self.answer_noise_m > 0 else spans.ids
        logits = network(batch, ids).masked_fill(~self.tables.allowed[spans.states], -torch.inf)
        log_prob = logits.log_softmax(-1)
        loss = -log_prob.gather(-1, spans.targets[..., None])[..., 0]
        if self.metre_sigma > 0:
            loss = torch.where(self._is_metre(spans.targets), self._soft(log_prob, spans.targets), loss)
        return ((loss * spans.weight).sum(-1) / spans.weight.sum(-1)).mean()

    def spans(self, examples: Sequence[Example]) -> Spans:
        """Examples -> padded spans."""
        length = max(len(answer) for example in examples for answer in example.answers)
        shape = (len(examples), len(self.tasks), length)
        ids, targets = np.full(shape, PAD), np.full(shape, PAD)
        states, weight = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for r, task in enumerate(self.tasks):
            states[:, r] = self.tables.final[r]
            for b, example in enumerate(examples):
                answer = example.answers[r]
                n = len(answer)
                ids[b, r, :n] = [self.vocabulary.request_id(task.request), *answer[:-1]]
                targets[b, r, :n], weight[b, r, :n] = answer, 1.0
                states[b, r, :n] = task.grammar.states(answer) + self.tables.start[r]
        return Spans(*(torch.from_numpy(a).to(self.device) for a in (ids, targets, states, weight)))

    def _disturbed(self, ids: Tensor) -> Tensor:
        """The ids with metre tokens moved along their grid."""
        grid = self.vocabulary.ranges["metre"]
        moved = ids + torch.round(torch.randn(ids.shape, device=ids.device) * self.answer_noise_m / self.vocabulary.metre_step).long()
        return torch.where(self._is_metre(ids), moved.clamp(grid.start, grid.stop - 1), ids)

    def _is_metre(self, ids: Tensor) -> Tensor:
        return ids >= self.vocabulary.ranges["metre"].start

    def _soft(self, log_prob: Tensor, targets: Tensor) -> Tensor:
        first = self.vocabulary.ranges["metre"].start
        grid = torch.arange(self.vocabulary.metre_count, device=targets.device)
        distance = (grid - (targets[..., None] - first)) * self.vocabulary.metre_step / self.metre_sigma
        share = torch.softmax(-0.5 * distance**2, -1)
        # 0 * -inf would be NaN where the grammar allows no metre token; such entries are not metre targets and are dropped.
        return -(share * log_prob[..., first:].clamp_min(-1e4)).sum(-1)
