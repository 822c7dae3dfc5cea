"""Grammar-masked decoding, the readable way: all requests and all their samples at once, on one copy of the prefix.

Each sample of a request is a span of its own. Spans do not see each other, so K samples of R requests decode together and
each answer is what it would be alone. `drive.decode.engine` gives the same tokens faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from drive.decode.answer import Answer, answers, as_ids, drawn, not_finite
from drive.decode.tables import GrammarTables
from drive.model.network import Cache, DrivingNetwork


@torch.inference_mode()
def decode(
    network: DrivingNetwork,
    cache: Cache,
    request_ids: Sequence[int],
    tables: GrammarTables,
    samples: int = 1,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    stop: Callable[[int], bool] | None = None,
) -> list[list[list[Answer]]]:
    """Answers [B][R][K] of R requests (request_ids[r] answers in the r-th grammar of tables) on a prefix cache.

    samples = 1 takes the likeliest token each time; more are drawn at the temperature with the generator.
    Log-probabilities are of temperature 1. stop: asked before each step but the first, with the number of tokens so far, whether to leave
    it at these; answers may then end without END. Raises DecodeError where the network answers with NaN or infinity.
    """
    batch, device = cache.valid.shape[0], cache.valid.device
    ids = as_ids(list(request_ids), samples, batch, device)
    state, finals = (as_ids(list(values), samples, batch, device) for values in (tables.start, tables.final))
    history: list[torch.Tensor] = []
    log_probs: list[torch.Tensor] = []
    while not bool((state == finals).all()) and not (stop and history and stop(len(history))):
        logits, cache = network.extend(cache, ids[..., None])
        if not bool(torch.isfinite(logits).all()):
            raise not_finite()
        scores = (logits[:, :, 0, tables.used].float() + tables.forbidden(state)).log_softmax(-1)
        chosen, ids = scores.max(-1) if samples == 1 else drawn(scores, temperature, generator)
        ids = tables.used[ids]
        log_probs.append(chosen)
        state = tables.after(state, ids)
        history.append(ids)
    return answers(torch.stack(history, -1), torch.stack(log_probs, -1), len(request_ids), samples)
