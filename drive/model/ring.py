"""A sliding window of frames, for ever: keys and values of the newest frames in slots that are set aside once."""

from __future__ import annotations

import torch
from torch import Tensor

from drive.model.inputs import Batch
from drive.model.layers import KeyValue, rotary_tables, rotate
from drive.model.network import Cache, DrivingNetwork


class FrameRing:
    """The window of a network with `inputs.frames_apart`, whose frames are read once each.

    A frame's keys do not depend on its age: they are kept as of place 0, where the rotation by position is none, and turned to their
    place in the window when they are read. What is read equals the window computed afresh, however many frames went before.
    """

    def __init__(self, network: DrivingNetwork, tokens: int | None = None) -> None:
        """tokens: the most that a frame has; as many as the first frame has where it is None."""
        if not network.config.inputs.frames_apart:
            raise ValueError("a ring of frames needs a network with inputs.frames_apart: frames of others depend on those before them")
        self.network, self.tokens = network, tokens
        self.pushed = 0  # frames so far
        self._layers: list[KeyValue] = []  # each [B, K, slots, N, E]
        self._valid: Tensor | None = None  # [B, slots, N] bool

    @torch.inference_mode()
    def push(self, batch: Batch) -> None:
        """Reads a batch of one frame; the oldest goes where all slots are taken. Raises ValueError where it holds several frames, or
        does not fit the slots."""
        made = self.network.add_frames(batch)
        valid = self._slots(made)
        if int(made.block.max()) or made.valid.shape[0] != valid.shape[0] or made.length > valid.shape[2]:
            got = f"{int(made.block.max()) + 1} frames of {made.length} tokens for {made.valid.shape[0]} items"
            raise ValueError(f"expected one frame of at most {valid.shape[2]} tokens for {valid.shape[0]} items, got {got}; set tokens")
        slot = self.pushed % valid.shape[1]
        valid[:, slot] = False
        valid[:, slot, : made.length] = made.valid
        for kept, new in zip(self._layers, made.layers, strict=True):
            for memory, values in zip(kept, new, strict=True):
                memory[:, :, slot, : made.length] = values
        self.pushed += 1

    @torch.inference_mode()
    def frames(self) -> Cache:
        """The window, oldest frame first. Raises ValueError before the first frame."""
        if self._valid is None:
            raise ValueError("the ring holds no frame yet: push one first")
        slots, config = self._valid.shape[1], self.network.config.transformer
        held = min(self.pushed, slots)
        order = [(self.pushed - held + k) % slots for k in range(held)]
        place = torch.arange(held, device=self._valid.device).repeat_interleave(self._valid.shape[2])
        turn = rotary_tables(place[None], config)
        layers = [(rotate(k[:, :, order].flatten(2, 3), *turn), v[:, :, order].flatten(2, 3)) for k, v in self._layers]
        return Cache(layers, place, place, self._valid[:, order].flatten(1))

    @torch.inference_mode()
    def prefix(self, batch: Batch) -> Cache:
        """The window with the tail of a batch behind it, as `DrivingNetwork.prefix` of the whole window; pictures are not looked at."""
        return self.network.add_tail(self.frames(), batch)

    def _slots(self, made: Cache) -> Tensor:
        """Which tokens are there; all memory is set aside with the first frame."""
        if self._valid is None:
            slots, tokens = self.network.config.window.frames, self.tokens or made.length
            for k, v in made.layers:
                keys, values = (t.new_zeros(*t.shape[:2], slots, tokens, t.shape[3]) for t in (k, v))
                self._layers.append((keys, values))
            self._valid = made.valid.new_zeros(made.valid.shape[0], slots, tokens)
        return self._valid
