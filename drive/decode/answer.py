"""What decoding gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive.frames import Array
from drive.schema import DecodeError
from drive.tokens.codecs.base import Ids
from drive.tokens.vocab import PAD


@dataclass(frozen=True, eq=False)
class Answer:
    """One decoded answer: ids up to and with END, and the natural log-probability of each under the grammar's mask, [L] both."""

    ids: Ids
    log_probs: Array

    @property
    def log_prob(self) -> float:
        """Of the whole answer."""
        return float(self.log_probs.sum())


def answers(tokens: Tensor, log_probs: Tensor, requests: int, samples: int) -> list[list[list[Answer]]]:
    """Padded tokens [B, requests * samples, L] and their log-probabilities, as many or fewer (the rest are certain) -> answers
    [B][requests][samples]."""
    ids, told = tokens.cpu().numpy(), log_probs.double().cpu().numpy()
    told = np.pad(told, ((0, 0), (0, 0), (0, ids.shape[-1] - told.shape[-1])))
    rows = [[Answer(span[span != PAD], p[span != PAD]) for span, p in zip(*row, strict=True)] for row in zip(ids, told, strict=True)]
    return [[row[r * samples : (r + 1) * samples] for r in range(requests)] for row in rows]


def drawn(scores: Tensor, temperature: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """One id from each distribution exp(scores / temperature) [B, S, V] -> its score and itself, [B, S] each: the largest of
    probabilities over exponential noise (the exponential race), which is drawn on the generator's device."""
    device = generator.device if generator is not None else scores.device
    noise = torch.empty(scores.shape, device=device).exponential_(generator=generator).to(scores.device)
    ids = (scores / temperature).softmax(-1).div_(noise).argmax(-1)
    return scores.gather(-1, ids[..., None])[..., 0], ids


def not_finite() -> DecodeError:
    """Why there is no answer."""
    return DecodeError("the network's logits are not finite: damaged weights, or inputs far outside what it was trained on")


def as_ids(values: list[int], samples: int, batch: int, device: torch.device) -> Tensor:
    """One value a request -> [batch, requests * samples] int64."""
    return torch.from_numpy(np.repeat(np.asarray(values, dtype=np.int64), samples)).to(device).expand(batch, -1)
