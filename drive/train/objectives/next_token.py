"""Next-token cross entropy, within the grammar the decoder will apply: all tasks and chains in one forward and one backward pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drive.config import Jitter, NextTokenConfig
from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import ModelConfig
from drive.model.inputs import Batch, collate, prepare
from drive.model.network import DrivingNetwork
from drive.model.sensors import Encoded
from drive.schema import SceneSample
from drive.tasks import Task, chains, make_tasks
from drive.tasks.chain import opening
from drive.tokens.codecs import Ids
from drive.train.example import Example, Pairs, answers_to
from drive.train.glance import first_words, glanced
from drive.train.jitter import jittered
from drive.train.objectives.base import STUDENT
from drive.train.slots import SlotTruth, slot_truth, slots_loss
from drive.train.soft import number_ranges, soft_losses
from drive.train.spans import Link, Row, Span, Spans, packed
from drive.train.thoughts import NOISE, OWN, TRUTH, OwnThoughts, varied, with_noise
from drive.words import did_you_mean


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """What goes in before the answers, and the answers. asked, unknown: answers by task, of which so many are not known. rows, own: the
    rows that the spans are made of, and where in them the network's own answers belong, where there are any. words [B, tasks]: the first id
    of each answer that a glance should tell, -1 where there is none. slots: what slots should say."""

    inputs: Batch
    spans: Spans
    asked: tuple[int, ...]
    unknown: tuple[int, ...]
    rows: tuple[Row, ...] = ()
    own: dict[tuple[int, int], Span] = field(default_factory=dict)
    words: Tensor | None = None
    slots: SlotTruth | None = None

    def to(self, device: torch.device | str) -> TokenBatch:
        words = None if self.words is None else self.words.to(device)
        slots = None if self.slots is None else self.slots.to(device)
        return replace(self, inputs=self.inputs.to(device), spans=self.spans.to(device), words=words, slots=slots)


class NextToken:
    """Mean negative log-probability of the answers' tokens, every answer weighing the same; one that is not known counts nothing.

    A chain leaves out links that are not known. Figures: loss/TASK, which add up to the loss, and unknown/TASK, the share of the
    answers asked for that the data do not know.
    """

    def __init__(self, config: NextTokenConfig, model: ModelConfig, device: torch.device) -> None:
        if not isinstance(model, ModelConfig):
            raise ValueError(f"objective next-token needs a network that answers in tokens, got {model.kind}; take kind: regression")
        self.config, self.model = config, model
        self.tasks: tuple[Task, ...] = make_tasks(model.requests, model.vocabulary, model.window)
        self.tables: list[GrammarTables] = [grammar_tables([task.grammar], model.vocabulary.size, device) for task in self.tasks]
        asked = [chain for text in config.chains or model.requests for chain in chains(text)]
        self.chains = [tuple(self._number(link.name) for link in chain) for chain in asked]
        self.trained = frozenset(number for chain in self.chains for number in chain)
        self.shares = self._shares(config.shares)
        self.ranges = number_ranges(model.vocabulary)
        for name in (*config.sigma, *config.noise):
            if name not in self.ranges:
                known = ", ".join(self.ranges) or "none"
                raise ValueError(f"sigma and noise are of ranges of numbers, got {name!r}; {known}{did_you_mean(name, self.ranges)}")
        self._left_out: dict[str, list[str]] = {}
        if config.glance and not model.camera.glance:
            raise ValueError("objective.glance trains the token of model.camera.glance, which this network has not; set it to true")
        if config.slots and not (model.camera.things or model.camera.lanes):
            raise ValueError("objective.slots trains model.camera.things and model.camera.lanes, of which this network has none; set them")
        if config.slots and not any(self.tasks[number].name in ("boxes", "roads") for number in self.trained):
            raise ValueError("objective.slots holds slots to answers to boxes or roads, which no chain asks for; add one of them")
        self.glanced = glanced(self.tasks, self.trained) if config.glance else ()
        self._own = OwnThoughts(self.tasks, model.vocabulary.size)

    def check(self, sample: SceneSample, jitter: Jitter) -> tuple[Pairs, ...]:
        if jitter.turn_degrees and (self.model.inputs.history or self.model.inputs.dynamics):
            raise ValueError("jitter.turn_degrees turns the ego frame under the car; leave out history and dynamics")
        found = answers_to(self.tasks, self.trained, sample)
        angles = {0.0, np.radians(jitter.turn_degrees), -np.radians(jitter.turn_degrees)}
        return tuple(tuple(self._writable(number, pairs, sample, angles)) for number, pairs in enumerate(found))

    def _writable(self, number: int, pairs: Pairs, sample: SceneSample, angles: Collection[float]) -> Iterator[tuple[str, Any]]:
        """The pairs of a task that can be written. Raises ValueError for others, where they are not to be left out."""
        task, name = self.tasks[number], self.model.requests[number]
        for prompt, value in pairs:
            try:
                opening(task, prompt)
                for angle in angles:
                    task.encode(task.turned(value, angle) if angle else value, sample.observation)
            except ValueError as error:
                if not self.config.leave_out:
                    raise
                self._left_out.setdefault(name, []).append(f"sample {sample.token} of scene {sample.scene}: {error}")
                continue
            yield prompt, value

    def left_out(self) -> list[str]:
        said = "cannot be written and are left out; the first:"
        return [f"{len(told)} answers to {name} {said} {told[0]}" for name, told in self._left_out.items()]

    def example(self, sample: SceneSample, known: tuple[Pairs, ...] | None = None) -> Example:
        found = answers_to(self.tasks, self.trained, sample) if known is None else known
        return Example(prepare(sample.observation, self.model), replace(sample.observation, frames=()), found)

    def vary(self, example: Example, jitter: Jitter, rng: np.random.Generator) -> Example:
        return jittered(example, jitter, rng)

    def collate(self, examples: Sequence[Example], rngs: Sequence[np.random.Generator] | None) -> TokenBatch:
        asked, unknown = np.zeros((2, len(self.tasks)), dtype=np.int64)
        rows, own = list[Row](), dict[tuple[int, int], Span]()
        for b, example in enumerate(examples):
            row = list[Span]()
            for span, thought in self._spans(example, None if rngs is None else rngs[b], asked, unknown):
                if thought == OWN:
                    own[b, len(row)] = span
                row.append(span)
            rows.append(tuple(row))
        inputs = collate([example.prepared for example in examples])
        kept = tuple(rows) if own else ()
        words = first_words(examples, self.tasks, self.glanced) if self.glanced else None
        slots = slot_truth(examples, self.tasks, sorted(self.trained), self.model.camera.lanes) if self.config.slots else None
        return TokenBatch(inputs, packed(rows), tuple(asked.tolist()), tuple(unknown.tolist()), kept, own, words, slots)

    def count(self, batch: TokenBatch) -> float:
        return float(batch.spans.weight.sum().round())

    def loss(self, networks: Mapping[str, nn.Module], batch: TokenBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        network = cast(DrivingNetwork, networks[STUDENT])
        frames = network.frame_parts(batch.inputs)
        prefix, spans = network.add_tail(network.add_encoded(frames), batch.inputs), batch.spans
        if batch.own:
            spans = packed(self._own(network, prefix, batch.rows, batch.own)).to(spans.weight.device)
        hidden, wanted = network.behind(prefix, spans.packed), spans.packed.wanted
        hidden, task, weight = hidden[wanted], spans.task[wanted], spans.weight[wanted]
        targets, states = spans.targets[wanted], spans.states[wanted]
        losses = []
        for number, tables in enumerate(self.tables):
            own = task == number
            scores = network.logits(hidden[own], tables.used).float() + tables.forbidden(states[own])
            losses.append((self.token_losses(scores.log_softmax(-1), targets[own], tables.used) * weight[own]).sum())
        count = max(self.count(batch), 1.0)
        total, figures = torch.stack(losses).sum() / count, self._figures(batch, [float(loss.detach()) / count for loss in losses])
        for name, share, direct in self._directly(network, frames["camera"], batch):
            total = total + share * direct
            figures[name] = float(direct.detach())
        return total, figures

    def _directly(self, network: DrivingNetwork, cameras: Encoded, batch: TokenBatch) -> Iterator[tuple[str, float, Tensor]]:
        """What pictures alone are held to: a name, its weight, its mean loss."""
        if batch.words is not None:
            yield "glance", self.config.glance, self._glance_loss(network, network.glance(cameras), batch.words)
        if batch.slots is not None:
            for name, loss in slots_loss(cameras, batch.slots).items():
                yield name, self.config.slots, loss

    def _glance_loss(self, network: DrivingNetwork, seen: Tensor, words: Tensor) -> Tensor:
        """What is seen at a glance [B, D] and the right first ids [B, tasks] -> the mean loss of those that are known."""
        losses = [seen.sum(-1) * 0.0]  # a batch that knows none still has gradients
        for number in self.glanced:
            tables, known = self.tables[number], words[:, number] >= 0
            start = torch.full((int(known.sum()),), tables.start[0], device=words.device)
            scores = network.logits(seen[known], tables.used).float() + tables.forbidden(start)
            losses.append(self.token_losses(scores.log_softmax(-1), words[known, number], tables.used))
        return torch.cat(losses).sum() / (words >= 0).sum().clamp(min=1)

    def token_losses(self, log_prob: Tensor, targets: Tensor, used: Tensor) -> Tensor:
        """Log-probabilities [N, U] of the used ids [U], minus infinity for those that the grammar forbids, and right ids [N] ->
        losses [N]."""
        loss = -log_prob.gather(-1, torch.searchsorted(used, targets)[:, None])[:, 0]
        for name, sigma in self.config.sigma.items():
            if sigma > 0:
                loss = soft_losses(loss, log_prob, targets, used, self.ranges[name], sigma)
        return loss

    def _figures(self, batch: TokenBatch, losses: Sequence[float]) -> dict[str, float]:
        names = self.model.requests
        shares = [unknown / max(asked, 1) for unknown, asked in zip(batch.unknown, batch.asked, strict=True)]
        figures = {f"unknown/{name}": share for name, share in zip(names, shares, strict=True)}
        return figures | ({f"loss/{name}": loss for name, loss in zip(names, losses, strict=True)} if len(names) > 1 else {})

    def _number(self, name: str) -> int:
        if name not in self.model.requests:
            raise ValueError(f"chains ask for {name}, which is not among model.requests: {', '.join(self.model.requests)}; add it there")
        return self.model.requests.index(name)

    def _shares(self, told: Mapping[str, float]) -> dict[tuple[int, ...], float]:
        """By chain, as numbers of its tasks. Raises ValueError for a chain that is not trained."""
        shares = dict[tuple[int, ...], float]()
        for text, share in told.items():
            for chain in chains(text):
                numbers = tuple(self._number(link.name) for link in chain)
                if numbers not in self.chains:
                    raise ValueError(f"shares names the chain {text!r}, which is not trained; name it among chains as well")
                shares[numbers] = share
        return shares

    def _spans(
        self, example: Example, rng: np.random.Generator | None, asked: NDArray[np.int64], unknown: NDArray[np.int64]
    ) -> Iterator[tuple[Span, str]]:
        """An example's spans, and what their earlier links are fed. asked, unknown: counted on, by task."""
        for chain in self.chains:
            if rng is not None and chain in self.shares and rng.random() >= self.shares[chain]:
                continue
            links = [self._link(example, number, rng) for number in chain]
            for number, link in zip(chain, links, strict=True):
                asked[number] += 1
                unknown[number] += link is None
            known = tuple(link for link in links if link is not None)
            if rng is None or not known:
                yield from [(known, TRUTH)] if known else []
                continue
            for span, thought in varied(known, self.config, self.tasks, rng):
                if thought == NOISE:
                    span = with_noise(span, self.tasks, rng)
                elif thought == OWN:
                    span = (*(replace(link, learned=False) for link in span[:-1]), span[-1])
                yield span, thought

    def _link(self, example: Example, number: int, rng: np.random.Generator | None) -> Link | None:
        task = self.tasks[number]
        drawn = example.draw(task, number, rng)
        if drawn is None:
            return None
        fed = drawn.ids if rng is None else self._disturbed(drawn.ids, rng)
        return Link(number, opening(task, drawn.prompt), drawn.ids, drawn.states, fed)

    def _disturbed(self, ids: Ids, rng: np.random.Generator) -> Ids:
        """An answer's ids with numbers moved along their grids, as they go in."""
        moved = ids
        for name, width in self.config.noise.items():
            found = self.ranges[name]
            there = (ids >= found.ids.start) & (ids < found.ids.stop)
            if width > 0 and there.any():
                moved = moved.copy() if moved is ids else moved
                error = np.round(rng.normal(0.0, width, int(there.sum())) / found.step).astype(np.int64)
                moved[there] = np.clip(ids[there] + error, found.ids.start, found.ids.stop - 1)
        return moved
