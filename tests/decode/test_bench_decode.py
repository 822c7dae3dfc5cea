"""`drive bench decode` on a small network: both sides give the same tokens and every figure is there."""

from __future__ import annotations

import pytest

from drive.decode.bench import SAMPLES, bench_decode
from drive.model.config import TransformerConfig

pytest.importorskip("transformers", reason="the extra `dev` installs transformers")


def test_the_same_tokens_and_figures_for_both_sides() -> None:
    found = bench_decode(1, TransformerConfig(width=64, depth=2, heads=4, kv_heads=2, head_dim=16, mlp_width=96))
    assert found.same and "greedy tokens are the same" in str(found)
    assert set(found.ours_ms) == set(found.theirs_ms) and min(*found.ours_ms.values(), *found.theirs_ms.values()) > 0
    rows = {(row["planner"], row["metric"]) for row in found.rows()}
    assert {(who, f"K={SAMPLES}, decoding") for who in ("drive", "transformers")} <= rows
