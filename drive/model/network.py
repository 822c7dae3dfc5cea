"""The network, read top to bottom: sensors -> prefix -> transformer -> logits over the one vocabulary.

Shape suffixes: B batch, N tokens of the prefix, M all tokens, S request spans, L tokens of a span, T tokens of a row of spans, W tokens
whose next one is asked for, D width, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive.model.config import ModelConfig
from drive.model.inputs import Batch, Prepared
from drive.model.layers import KeyValue
from drive.model.sensors import Encoded, Sensor, used_sensors
from drive.model.transformer import INITIAL_STD, Transformer
from drive.schema import Observation
from drive.tokens.sequence import MAX_FRAMES, SPAN_POSITION, TokenSequence, concatenate, frame_tokens, may_attend, tail_tokens
from drive.tokens.vocab import Grid, Vocabulary

# Waves by which a grid's tokens are embedded beside value and square: each twice as long as the one before, the first being
# `Grid.wave`. Shorter ones would turn more than half a circle between two learned answers.
WAVES = 7


@dataclass(frozen=True, eq=False)
class Cache:
    """Keys and values of tokens already seen, and where they stand: block, position [M] int64, valid [B, M] bool."""

    layers: list[KeyValue]
    block: Tensor
    position: Tensor
    valid: Tensor

    @property
    def length(self) -> int:
        return len(self.block)

    def take(self, rows: Tensor) -> Cache:
        """Some rows of the batch."""
        return Cache([(k[rows], v[rows]) for k, v in self.layers], self.block, self.position, self.valid[rows])


@dataclass(frozen=True, eq=False)
class PackedSpans:
    """Teacher-forced request spans, those of each item of a batch one behind another in its row, in place of a padded tensor of spans.

    ids, block, position [B, T] int64: what goes in and where it stands (`drive.tokens.sequence`); padding is a span of its own. wanted
    [B, T] bool: the tokens whose next one is asked for.
    """

    ids: Tensor
    block: Tensor
    position: Tensor
    wanted: Tensor

    def to(self, device: torch.device | str) -> PackedSpans:
        return PackedSpans(*(getattr(self, f.name).to(device) for f in fields(self)))


def _alike(wanted: Tensor) -> list[tuple[Tensor, int]]:
    """The rows of a batch in two groups, short and long, that together have the least padding: their numbers, and the group's length.

    wanted [B, T] bool: a row is as long as its last wanted token says, and never empty: a rank whose batch asks for nothing must have the
    same gradients as the others, if zero, or these would wait for it.
    """
    places = torch.arange(1, wanted.shape[1] + 1, device=wanted.device)
    lengths, order = (wanted * places).amax(1).clamp(min=1).sort()
    ends, count = lengths.cpu().numpy(), np.arange(1, len(lengths) + 1)
    short = int(np.argmin(count * ends + count[::-1] * ends[-1] - ends[-1])) + 1  # of the last split the second group is empty
    return [(rows, int(ends[last])) for rows, last in ((order[:short], short - 1), (order[short:], -1)) if len(rows)]


class TokenEmbedding(nn.Module):
    """One table of ids for input and output. Number tokens are embedded by their value, so that neighbours on the grid are
    neighbours for the network: their logits are a smooth function of the number."""

    def __init__(self, vocabulary: Vocabulary, width: int, untied: str | None = None) -> None:
        """untied: the range of ids with rows of their own for logits."""
        super().__init__()
        ids = vocabulary.ranges[untied] if untied else range(0)
        self.first, self.output = ids.start, nn.Embedding(len(ids), width) if untied else None
        self.allotted = vocabulary.allotted
        self.words = nn.Embedding(sum(part.size for part in self.allotted if part.grid is None), width)
        self.numbers = nn.ModuleDict({part.name: _Numbers(part.grid, width) for part in self.allotted if part.grid})
        for rows in (self.words, *([self.output] if self.output else [])):
            nn.init.normal_(rows.weight, std=INITIAL_STD)
        self._kept: tuple[Any, Tensor] | None = None

    def table(self) -> Tensor:
        """[V, D], in the order of the ids. Kept in inference mode while no weight changes."""
        if not torch.is_inference_mode_enabled():
            return self._table()
        state = [(p.data_ptr(), p._version) for p in self.parameters()]
        if self._kept is None or self._kept[0] != state:
            self._kept = state, self._table()
        return self._kept[1]

    def output_table(self) -> Tensor:
        """As `table`, of what logits are taken with: the same but for a language model's rows where it has other ones for that."""
        if self.output is None:
            return self.table()
        rows = self.table()
        return torch.cat([rows[: self.first], self.output.weight, rows[self.first + len(self.output.weight) :]])

    def _table(self) -> Tensor:
        rows = iter(self.words.weight.split([part.size for part in self.allotted if part.grid is None]))
        return torch.cat([self.numbers[part.name]() if part.grid else next(rows) for part in self.allotted])

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.table())


class _Numbers(nn.Module):
    """The rows of a grid's tokens: a linear map of what `number_features` tells of each value."""

    features: Tensor

    def __init__(self, grid: Grid, width: int) -> None:
        super().__init__()
        features = number_features(grid)
        self.weight = nn.Parameter(torch.empty(width, features.shape[1]).normal_(std=INITIAL_STD))
        self.register_buffer("features", features, persistent=False)

    def forward(self) -> Tensor:
        return F.linear(self.features, self.weight)


def number_features(grid: Grid) -> Tensor:
    """[count, features] float32: value and square on the grid's own scale, sines and cosines of each wavelength."""
    unit = grid.values / max(abs(grid.low), abs(grid.high))
    columns = [unit, unit**2]
    for wavelength in grid.wave * 2.0 ** np.arange(WAVES):
        columns += [np.sin(2 * np.pi * grid.values / wavelength), np.cos(2 * np.pi * grid.values / wavelength)]
    return torch.tensor(np.stack(columns, -1), dtype=torch.float32)


def _joined(parts: Collection[Encoded], axis: int) -> tuple[Tensor, Tensor]:
    """Tokens and which are there, of several sensors one behind another."""
    return torch.cat([part.tokens for part in parts], axis), torch.cat([part.valid for part in parts], axis)


class DrivingNetwork(nn.Module):
    """Sensors in, logits of any request's next token out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.sensors = nn.ModuleDict({name: sensor(config) for name, sensor in used_sensors(config).items()})
        self.tokens = TokenEmbedding(config.vocabulary, config.transformer.width, config.untied)
        self.transformer = Transformer(config.transformer)
        self.head = nn.Linear(config.transformer.width, config.transformer.width, bias=False)

    def forward(self, batch: Batch, spans: PackedSpans) -> Tensor:
        """Teacher-forced -> logits of the tokens behind the wanted ones, row by row, [W, V]."""
        return self.logits(self.behind(self.prefix(batch), spans)[spans.wanted])

    def behind(self, prefix: Cache, spans: PackedSpans) -> Tensor:
        """Packed spans behind a prefix -> hidden states [B, T, D], 0 behind the last wanted token of a row or of longer ones."""
        x = self.tokens(spans.ids)
        out = torch.zeros_like(x)
        for rows, length in _alike(spans.wanted):
            there = torch.ones(len(rows), length, dtype=torch.bool, device=x.device)
            block, position = spans.block[rows, :length], spans.position[rows, :length]
            out[rows, :length] = self._attend(x[rows, :length], block, position, there, prefix.take(rows))[0]
        return out

    def logits(self, hidden: Tensor, used: Tensor | None = None) -> Tensor:
        """Hidden states [..., D] -> logits of all ids [..., V], or of the used ones [U] alone."""
        table = self.tokens.output_table()
        return self.head(hidden) @ (table if used is None else table[used]).T

    def prefix(self, batch: Batch) -> Cache:
        """Everything known before the answer: frames and tail."""
        return self.add_tail(self.add_frames(batch), batch)

    def add_frames(self, batch: Batch, past: Cache | None = None) -> Cache:
        """Append the batch's frames to those already cached. Exact: no frame ever sees a later one."""
        first = 0 if past is None else int(past.block.max()) + 1
        return self.add_encoded(self.frame_parts(batch, first), past)

    def add_encoded(self, parts: Mapping[str, Encoded], past: Cache | None = None) -> Cache:
        """As `add_frames`, of frames that `frame_parts` has encoded."""
        first = 0 if past is None else int(past.block.max()) + 1
        tokens, valid = _joined(parts.values(), 2)
        sequence = concatenate([frame_tokens(first + f, ["sensor"] * tokens.shape[2]) for f in range(tokens.shape[1])])
        return self._run(tokens.flatten(1, 2), sequence, valid.flatten(1), past)[1]

    def encode_frames(self, batch: Batch, first: int = 0) -> tuple[Tensor, Tensor]:
        """What the sensors make of each frame, before the transformer: tokens [B, F, N, D], valid [B, F, N] bool. first: the index
        of the batch's first frame."""
        return _joined(self.frame_parts(batch, first).values(), 2)

    def frame_parts(self, batch: Batch, first: int = 0) -> dict[str, Encoded]:
        """As `encode_frames`, each sensor's apart, by name."""
        return {name: sensor(batch.parts[name], first) for name, sensor in self._sensors(in_frames=True)}

    def glance(self, cameras: Encoded) -> Tensor:
        """What the pictures of t0 tell at a glance, the mean of their tokens for it, [B, D]."""
        camera = self.config.camera
        each, behind = camera.summary + camera.peaks + 1, camera.things + camera.lanes
        own = slice(each - 1, cameras.tokens.shape[2] - behind, each)
        now = cameras.newest()
        seen, there = cameras.tokens[now][:, own], cameras.valid[now][:, own, None]
        return (seen * there).sum(1) / there.sum(1).clamp(min=1)

    def add_tail(self, frames: Cache, batch: Batch) -> Cache:
        """Append what is known at t0."""
        encoded = [sensor(batch.parts[name]) for name, sensor in self._sensors(in_frames=False)]
        if not encoded:
            return frames
        tokens, valid = _joined(encoded, 1)
        return self._run(tokens, tail_tokens(["sensor"] * tokens.shape[1]), valid, frames)[1]

    def extend(self, cache: Cache, span_ids: Tensor) -> tuple[Tensor, Cache]:
        """Append L tokens to each of S spans, [B, S, L] -> logits [B, S, L, V] and the longer cache.

        The spans of one call go on where those of the last call ended; a first call opens them.
        """
        batch, spans, length = span_ids.shape
        done = int((cache.block == MAX_FRAMES + 1).sum())
        block = (MAX_FRAMES + 1 + torch.arange(spans)).repeat_interleave(length).to(span_ids.device)
        position = (SPAN_POSITION + done + torch.arange(length)).repeat(spans).to(span_ids.device)
        x = self.tokens(span_ids.flatten(1))
        hidden, cache = self._attend(x, block, position, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device), cache)
        return self.logits(hidden).view(batch, spans, length, -1), cache

    def prefix_sequence(self, prepared: Prepared) -> TokenSequence:
        """Where each token of one observation's prefix stands, labelled by the sensors; for pictures and tests."""
        inner, tail = (
            [sensor.labels(prepared.parts[name], name) for name, sensor in self._sensors(in_frames)] for in_frames in (True, False)
        )
        frames = [frame_tokens(f, sum(labels, [])) for f, labels in enumerate(zip(*inner, strict=True))]
        names = [name for labels in tail for name in labels[0]]
        return concatenate([*frames, *([tail_tokens(names)] if names else [])])

    def prefix_meanings(self, prepared: Prepared, observation: Observation) -> tuple[str, ...]:
        """What each token of `prefix_sequence` holds, for people; "" where a sensor has no words for it."""
        inner, tail = (
            [sensor.meanings(prepared.parts[name], observation) for name, sensor in self._sensors(in_frames)] for in_frames in (True, False)
        )
        frames = [text for frame in zip(*inner, strict=True) for row in frame for text in row]
        return (*frames, *(text for rows in tail for text in rows[0]))

    def for_inference(self) -> DrivingNetwork:
        """A copy in evaluation mode with the same answers, made faster: it must not be trained, and is no checkpoint's."""
        fast = copy.deepcopy(self).eval()
        for _, sensor in (*fast._sensors(in_frames=True), *fast._sensors(in_frames=False)):
            sensor.quicken()
        return fast

    def _sensors(self, in_frames: bool) -> Iterator[tuple[str, Sensor]]:
        """The sensors whose tokens stand in the frames, or those of the tail."""
        for name, module in self.sensors.items():
            sensor = cast(Sensor, module)
            if sensor.in_frames == in_frames:
                yield name, sensor

    def _run(self, x: Tensor, sequence: TokenSequence, valid: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        block, position = (torch.from_numpy(a).to(x.device) for a in (sequence.block, sequence.position))
        return self._attend(x, block, position, valid, past)

    def _attend(self, x: Tensor, block: Tensor, position: Tensor, valid: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        """Run new tokens [B, N, D] through the transformer behind a cache; the mask follows from blocks and positions, [N] or, where
        they are each row's own, [B, N]."""
        all_block, all_position, all_valid = block, position, valid
        if past is not None:
            rows = block.shape[:-1]
            all_block = torch.cat([past.block.expand(*rows, -1), block], -1)
            all_position = torch.cat([past.position.expand(*rows, -1), position], -1)
            all_valid = torch.cat([past.valid, valid], 1)
        apart = self.config.inputs.frames_apart
        keys = all_block[..., None, :], all_position[..., None, :]
        mask = may_attend(block[..., None], position[..., None], *keys, apart) & all_valid[:, None]
        # A token that is not there still needs something to attend to, or its softmax would be NaN: itself.
        count = block.shape[-1]
        mask[:, :, -count:] |= torch.eye(count, dtype=torch.bool, device=mask.device)
        hidden, layers = self.transformer(x, position.expand(x.shape[0], -1), mask, past.layers if past else None)
        return hidden, Cache(layers, all_block, all_position, all_valid)
