"""Slots: tokens of a frame that hold one thing or one lane each, told in metres by what all its pictures show.

A small network seldom finds a way from patches through even attention to a list of boxes; patches that are told directly what stands on
them find it in hundreds of steps (CenterNet, arXiv 1904.07850), and so do lanes from everything that is seen, set against the true ones by
the best match (DETR, arXiv 2005.12872). Training holds slots to the truth (`objective.slots`), and answers read them as any other token.

Shape suffixes: B batch, F frames, V pictures, r rows and c columns of patches, P patches of a frame, K slots, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drive.answers.boxes import CLASSES

THING = len(CLASSES) + 2  # numbers told of a patch: a logit of each class, x, y
LANE_POINTS = 6  # of a lane, evenly spaced along it
LANE = 1 + 2 * LANE_POINTS  # numbers told of a lane slot: the logit that there is one, x and y of its points
USUAL_M = 15.0  # from where distances are told, on a logarithmic scale
TURN = 0.2  # radians: the unit in which a thing's direction is told beside its patch's
LANE_UNIT_M, LANE_FROM_M, LANE_TO_M, LANES_WIDE_M = 5.0, 2.0, 22.0, 14.0  # where lane slots begin: straight lanes side by side
LIKELY = 0.3  # likelier things stand before all others
APART_M = 2.0  # what is nearer to a likelier thing is the same one
CANDIDATES = 16  # patches a slot that are looked at for this
WAVES_M = (4.0, 8.0, 16.0, 32.0, 64.0)


class ThingSlots(nn.Module):
    """The likeliest things on the patches of a frame's pictures, nearest first."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count = count
        last = nn.Linear(width, THING)
        self.look = nn.Sequential(nn.Linear(width, width), nn.GELU(), last)
        self.patch, self.numbers = nn.Linear(width, width), nn.Linear(THING + 4 * len(WAVES_M), width)
        self.rank, self.norm = nn.Embedding(count, width), nn.LayerNorm(width)
        with torch.no_grad():  # things are rare
            last.bias[: len(CLASSES)] = -4.0

    def told(self, tokens: Tensor, rays: Tensor) -> Tensor:
        """Patches [V, r, c, D] with their rays [V, r, c, 6] -> what stands on each [V, r, c, THING], in the ego frame of the picture."""
        logits, log_distance, turn = self.look(tokens).split([len(CLASSES), 1, 1], -1)
        bearing = torch.atan2(rays[..., 1:2], rays[..., :1]) + TURN * turn
        distance = USUAL_M * log_distance.clamp(-4, 2).exp()
        return torch.cat([logits, distance * bearing.cos(), distance * bearing.sin()], -1)

    def forward(self, tokens: Tensor, told: Tensor, there: Tensor) -> Tensor:
        """Patches [B, F, P, D], what is told of each [B, F, P, THING], and which there are [B, F, P] -> [B, F, K, D]."""
        chosen = _chosen(told.detach(), there, self.count)
        tokens, told = (torch.gather(t, 2, chosen[..., None].expand(*chosen.shape, t.shape[-1])) for t in (tokens, told))
        return self.norm(self.patch(tokens) + self.numbers(_features(told)) + self.rank.weight)


def _chosen(told: Tensor, there: Tensor, count: int) -> Tensor:
    """Numbers of the patches [B, F, K] of the likeliest things: the likely ones first, the nearest of these before all."""
    score, rows = (told[..., : len(CLASSES)].amax(-1).sigmoid() * there).topk(min(CANDIDATES * count, told.shape[2]), -1)
    place = torch.gather(told[..., len(CLASSES) :], 2, rows[..., None].expand(*rows.shape, 2))
    likelier = score[..., None, :] > score[..., :, None]
    again = ((torch.cdist(place, place) < APART_M) & likelier).any(-1)
    score, best = torch.where(again, score * 1e-3, score).topk(min(count, score.shape[-1]), -1)
    distance = torch.gather(place.norm(dim=-1), -1, best)
    order = torch.where(score > LIKELY, distance, 1e4 - score).argsort(-1)
    order = order[..., torch.arange(count, device=order.device).clamp(max=order.shape[-1] - 1)]  # of fewer patches the last again
    return torch.gather(rows, -1, torch.gather(best, -1, order))


def _features(told: Tensor) -> Tensor:
    """[..., THING] -> [..., THING + 4 WAVES_M]: metres on a scale of ones, and as waves."""
    logits, place = told.split([len(CLASSES), 2], -1)
    waves = [wave(place * (2 * torch.pi / length)) for length in WAVES_M for wave in (torch.sin, torch.cos)]
    return torch.cat([logits.sigmoid(), place / USUAL_M, *waves], -1)


class LaneSlots(nn.Module):
    """Lanes by what all pictures of a frame show, in a fixed number of slots; each keeps to lanes of its own sort."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count = count
        self.numbers = nn.Sequential(nn.Linear(LANE, width), nn.GELU(), nn.Linear(width, width))
        self.rank, self.norm = nn.Embedding(count, width), nn.LayerNorm(width)
        self.register_buffer("usual", usual_lanes(count), persistent=False)

    usual: Tensor

    def told(self, seen: Tensor) -> Tensor:
        """What the pictures of a frame say together [B, F, K LANE] -> [B, F, K, LANE]."""
        numbers = seen.unflatten(-1, (self.count, LANE))
        points = self.usual + LANE_UNIT_M * numbers[..., 1:]
        return torch.cat([numbers[..., :1], points], -1)

    def forward(self, told: Tensor) -> Tensor:
        """[B, F, K, LANE] -> [B, F, K, D]."""
        scaled = torch.cat([told[..., :1].sigmoid(), told[..., 1:] / USUAL_M], -1)
        return self.norm(self.numbers(scaled) + self.rank.weight)


def usual_lanes(count: int) -> Tensor:
    """[K, 2 LANE_POINTS]: straight ahead and towards the ego in turn, from right to left."""
    ahead = torch.linspace(LANE_FROM_M, LANE_TO_M, LANE_POINTS)
    side = torch.linspace(-LANES_WIDE_M / 2, LANES_WIDE_M / 2, count) if count > 1 else torch.zeros(1)
    lines = [torch.stack([ahead if k % 2 else ahead.flip(0), side[k].expand(LANE_POINTS)], -1) for k in range(count)]
    return torch.stack(lines).flatten(1)
