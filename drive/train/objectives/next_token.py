"""Next-token cross entropy, within the grammar the decoder will apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drive.config import Jitter, NextTokenConfig
from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import ModelConfig
from drive.model.inputs import Batch, collate, prepare
from drive.schema import SceneSample
from drive.tasks import Task, make_tasks
from drive.tokens.ranges import METRE
from drive.tokens.vocab import PAD
from drive.train.example import Example, make_example
from drive.train.jitter import jittered
from drive.train.objectives.base import STUDENT


@dataclass(frozen=True, eq=False)
class Spans:
    """Teacher-forced request spans, all [B, S, L] int64 but weight: ids that go in, ids that should come out, grammar state
    before each of those; weight float32, 0 on padding."""

    ids: Tensor
    targets: Tensor
    states: Tensor
    weight: Tensor

    def to(self, device: torch.device | str) -> Spans:
        return Spans(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """What goes in before the answers, and the answers."""

    inputs: Batch
    spans: Spans

    def to(self, device: torch.device | str) -> TokenBatch:
        return TokenBatch(self.inputs.to(device), self.spans.to(device))


class NextToken:
    """Mean negative log-probability of the answers' tokens, every answer weighing the same; one that is not known counts nothing.

    With metre_sigma > 0 a metre token shares its probability with its neighbours by a normal bell of that width. With
    answer_noise_m > 0 the metre tokens that go in are off by a normal error of that width.
    """

    def __init__(self, config: NextTokenConfig, model: ModelConfig, device: torch.device) -> None:
        if not isinstance(model, ModelConfig):
            raise ValueError(f"objective next-token needs a network that answers in tokens, got {model.kind}; take kind: regression")
        self.config, self.model = config, model
        self.tasks: tuple[Task, ...] = make_tasks(model.requests, model.vocabulary, model.window)
        self.grammars = [task.grammar for task in self.tasks]
        self.tables: GrammarTables = grammar_tables(self.grammars, model.vocabulary.size, device)
        self.metres = model.vocabulary.ranges.get(METRE, range(0))

    def check(self, sample: SceneSample, jitter: Jitter) -> None:
        if jitter.turn_degrees and (self.model.inputs.history or self.model.inputs.dynamics):
            raise ValueError("jitter.turn_degrees turns the ego frame under the car; leave out history and dynamics")
        for task in self.tasks:
            if (value := task.answer(sample)) is not None:
                for angle in {0.0, jitter.turn_degrees, -jitter.turn_degrees}:
                    task.encode(task.turned(value, np.radians(angle)) if angle else value)

    def example(self, sample: SceneSample) -> Example:
        return make_example(prepare(sample.observation, self.model), self.tasks, [task.answer(sample) for task in self.tasks])

    def vary(self, example: Example, jitter: Jitter, rng: np.random.Generator) -> Example:
        return jittered(example, jitter, rng, self.tasks)

    def collate(self, examples: Sequence[Example], rngs: Sequence[np.random.Generator] | None) -> TokenBatch:
        spans = self.spans(examples, rngs if self.config.answer_noise_m > 0 else None)
        return TokenBatch(collate([example.prepared for example in examples]), spans)

    def count(self, batch: TokenBatch) -> float:
        return float((batch.spans.weight.sum(-1) > 0).sum())

    def loss(self, networks: Mapping[str, nn.Module], batch: TokenBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        spans = batch.spans
        logits = networks[STUDENT](batch.inputs, spans.ids) + self.tables.forbidden_of_all(spans.states)
        loss = self.token_losses(logits.log_softmax(-1), spans.targets)
        known = spans.weight.sum(-1)
        # Where the target is padding its probability may be that of an id outside the grammar: minus infinity times nothing.
        means = torch.where(spans.weight > 0, loss, 0.0).sum(-1) / known.clamp_min(1.0)
        return means.sum() / (known > 0).sum().clamp_min(1), {}

    def token_losses(self, log_prob: Tensor, targets: Tensor) -> Tensor:
        """Log-probabilities [B, S, L, V], minus infinity for ids that the grammar forbids, and right ids [B, S, L] -> losses [B, S, L]."""
        loss = -log_prob.gather(-1, targets[..., None])[..., 0]
        if self.config.metre_sigma > 0 and self.metres:
            loss = torch.where(self._is_metre(targets), self._soft(log_prob, targets), loss)
        return loss

    def spans(self, examples: Sequence[Example], rngs: Sequence[np.random.Generator] | None = None) -> Spans:
        """Examples -> padded spans; the answers that go in are disturbed where there are rngs."""
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
        if rngs is not None:
            ids = np.stack([self._disturbed(own, rng) for own, rng in zip(ids, rngs, strict=True)])
        return Spans(*(torch.from_numpy(a) for a in (ids, targets, states, weight)))

    def _disturbed(self, ids: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One example's ids [S, L] with metre tokens moved along their grid."""
        metre = (ids >= self.metres.start) & (ids < self.metres.stop)
        moved = ids.copy()
        if metre.any():
            error = rng.normal(0.0, self.config.answer_noise_m, int(metre.sum())) / self.model.vocabulary.grid(METRE).step
            moved[metre] = np.clip(ids[metre] + np.round(error).astype(np.int64), self.metres.start, self.metres.stop - 1)
        return moved

    def _is_metre(self, ids: Tensor) -> Tensor:
        return (ids >= self.metres.start) & (ids < self.metres.stop)

    def _soft(self, log_prob: Tensor, targets: Tensor) -> Tensor:
        grid = torch.arange(len(self.metres), device=targets.device)
        distance = (grid - (targets[..., None] - self.metres.start)) * self.model.vocabulary.grid(METRE).step / self.config.metre_sigma
        share = torch.softmax(-0.5 * distance**2, -1)
        # 0 * -inf would be NaN where the grammar allows no metre token; such entries are not metre targets and are dropped.
        return -(share * log_prob[..., self.metres.start : self.metres.stop].clamp_min(-1e4)).sum(-1)
