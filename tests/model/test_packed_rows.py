"""Rows of like length go through the network together: the answers stay, the padding goes."""

from __future__ import annotations

import pytest
import torch

from drive.model.network import _alike


@pytest.mark.parametrize("lengths", [[3], [7, 7], [2, 9, 3, 9], [0, 4, 4], [0, 0], [1, 2, 3, 4, 5, 6]])
def test_every_row_is_in_one_group_that_is_long_enough_and_no_split_pads_less(lengths: list[int]) -> None:
    wanted = torch.zeros(len(lengths), 10, dtype=torch.bool)
    for row, length in enumerate(lengths):
        wanted[row, max(length - 1, 0)] = length > 0
    groups = _alike(wanted)
    there = [int(row) for rows, _ in groups for row in rows]
    assert sorted(there) == list(range(len(lengths)))
    assert all(lengths[int(row)] <= length for rows, length in groups for row in rows)
    ends = sorted(max(length, 1) for length in lengths)
    best = min(k * ends[k - 1] + (len(ends) - k) * ends[-1] for k in range(1, len(ends) + 1))
    assert sum(len(rows) * length for rows, length in groups) == best
