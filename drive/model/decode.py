"""Grammar-masked decoding: all requests and all their samples at once, on one copy of the prefix.

Each sample of a request is a span of its own. Spans do not see each other, so K samples of R requests decode together and
each answer is what it would be alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive.model.network import Cache, DrivingNetwork
from drive.schema import DecodeError
from drive.tokens.grammar import Grammar
from drive.tokens.trajectory import Ids
from drive.tokens.vocab import PAD


@dataclass(frozen=True, eq=False)
class Answer:
    """One decoded answer: ids up to and with END, and its natural log-probability under the grammar's mask."""

    ids: Ids
    log_prob: float


@dataclass(frozen=True, eq=False)
class GrammarTables:
    """Several grammars as one automaton on a device: allowed [states, V] bool, next_state [states, V] int64; the start and
    final state of each grammar. A final state allows padding alone, which leads back to itself."""

    allowed: Tensor
    next_state: Tensor
    start: tuple[int, ...]
    final: tuple[int, ...]
    max_length: int


def grammar_tables(grammars: Sequence[Grammar], device: torch.device | str = "cpu") -> GrammarTables:
    """Stacks the tables of grammars, their states numbered on."""
    starts = np.cumsum([0, *(len(g.allowed) for g in grammars)])[:-1]
    allowed = np.concatenate([g.allowed for g in grammars])
    next_state = np.concatenate([np.where(g.next_state >= 0, g.next_state + s, 0) for g, s in zip(grammars, starts, strict=True)])
    finals = [int(g.final + s) for g, s in zip(grammars, starts, strict=True)]
    allowed[finals, PAD], next_state[finals, PAD] = True, finals
    tables = torch.from_numpy(allowed).to(device), torch.from_numpy(next_state.astype(np.int64)).to(device)
    return GrammarTables(*tables, tuple(int(s) for s in starts), tuple(finals), max(g.max_length for g in grammars))


@torch.inference_mode()
def decode(
    network: DrivingNetwork,
    cache: Cache,
    request_ids: Sequence[int],
    tables: GrammarTables,
    samples: int = 1,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> list[list[list[Answer]]]:
    """Answers [B][R][K] of R requests (request_ids[r] answers in the r-th grammar of tables) on a prefix cache.

    samples = 1 takes the likeliest token each time; more are drawn at the temperature with the generator (a CPU one).
    Log-probabilities are of temperature 1. Raises DecodeError where the network answers with NaN or infinity.
    """
    batch, device = cache.valid.shape[0], cache.valid.device
    ids = torch.tensor(request_ids, device=device).repeat_interleave(samples).expand(batch, -1)
    state = torch.tensor(tables.start, device=device).repeat_interleave(samples).expand(batch, -1)
    log_prob = torch.zeros(ids.shape, dtype=torch.float64, device=device)
    history = []
    finals = torch.tensor(tables.final, device=device).repeat_interleave(samples)
    while not bool((state == finals).all()):
        logits, cache = network.extend(cache, ids[..., None])
        if not bool(torch.isfinite(logits).all()):
            raise DecodeError("the network's logits are not finite: damaged weights, or inputs far outside what it was trained on")
        scores = logits[:, :, 0].double().masked_fill(~tables.allowed[state], -torch.inf).log_softmax(-1)
        ids = scores.argmax(-1) if samples == 1 else _draw(scores / temperature, generator)
        log_prob = log_prob + scores.gather(-1, ids[..., None])[..., 0]
        state = tables.next_state[state, ids]
        history.append(ids)
    tokens, total = torch.stack(history, -1).cpu().numpy(), log_prob.cpu().numpy()
    return [
        [
            [Answer(_without_padding(tokens[b, r * samples + k]), float(total[b, r * samples + k])) for k in range(samples)]
            for r in range(len(request_ids))
        ]
        for b in range(batch)
    ]


def _draw(scores: Tensor, generator: torch.Generator | None) -> Tensor:
    """One id from each distribution exp(scores) [B, S, V]; drawn on the CPU, so that a seed gives the same anywhere."""
    probabilities = scores.softmax(-1).flatten(0, 1).cpu()
    return torch.multinomial(probabilities, 1, generator=generator).view(scores.shape[:2]).to(scores.device)


def _without_padding(ids: Ids) -> Ids:
    return ids[ids != PAD]
