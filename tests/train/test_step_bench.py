"""`drive bench train`: what of a step goes where."""

from __future__ import annotations

from pathlib import Path

import pytest

from drive.train.step_bench import PARTS, bench_train

CONFIG = """
out: {out}
model:
  requests: [plan]
  inputs: {{history: false, rates: false, motion: false}}
  camera: {{backbone: mobilenetv4_conv_small_035, width: 64, height: 32}}
  transformer: {{width: 32, depth: 1, heads: 2, kv_heads: 1, head_dim: 16, mlp_width: 48}}
stages:
  - data: {data}
    objective: {{kind: next-token}}
    steps: 10
    batch_size: 3
"""


def test_parts_add_up_and_another_backbone_is_measured_on_the_same_step(tmp_path: Path) -> None:
    towns = "{kind: towns, towns: [{first: 1, count: 5, folder: none, recipe: {width: 64, height: 32, per_town: 3}}]}"
    own, other = bench_train(_written(tmp_path, towns), ("test_resnet",))
    assert (own.backbone, other.backbone) == ("mobilenetv4_conv_small_035", "test_resnet") and own.batch == 3 and own.pictures == 6
    assert set(own.parts_s) == set(PARTS) and 0 < own.backbone_s < own.step_s == pytest.approx(sum(own.parts_s.values()))
    assert own.pace == pytest.approx(3 / own.step_s) and f"{own.pace:.1f} samples/s" in str(own)
    rows = {row["metric"]: row["value"] for row in own.rows()}
    assert rows["step"] == own.step_s and rows["pace"] == own.pace


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="learns from none"):
        bench_train(_written(tmp_path, "{kind: dataset, root: data/mini}"))
    with pytest.raises(ValueError, match="networks that see"):
        bench_train(Path("configs/ego-mlp.yaml"))


def _written(folder: Path, data: str) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(CONFIG.format(out=folder / "out", data=data))
    return path
