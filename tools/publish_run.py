"""A finished run -> a checkpoint folder to ship: weights in half precision, config, provenance, loss curve as JSON and picture.

    python tools/publish_run.py runs/first-drive data/checkpoints/first-drive
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from drive.checkpoint import CONFIG, PROVENANCE, WEIGHTS
from drive.tensors import load_tensors

POINTS = 400


def main(run: str, folder: str) -> None:
    """Copies the checkpoint; a file that the run does not replace (a model card) stays."""
    source, target = Path(run), Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, PROVENANCE):
        shutil.copyfile(source / "checkpoint" / name, target / name)
    save_file(halved(load_tensors(source / "checkpoint" / WEIGHTS)), target / WEIGHTS)
    curve = loss_curve(source / "tensorboard")
    (target / "curve.json").write_text(json.dumps(curve))
    draw_curve(curve, target / "curve.png")
    print(f"{target}: {sum(f.stat().st_size for f in target.iterdir()) / 1e6:.1f} MB")


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision, half the size; loading widens them again. Raises ValueError where one does not fit."""
    half = {name: tensor.half() if tensor.dtype == torch.float32 else tensor for name, tensor in tensors.items()}
    large = [name for name, tensor in half.items() if not bool(torch.isfinite(tensor).all())]
    if large:
        raise ValueError(f"{large[0]} holds values beyond half precision: ship the run's own checkpoint")
    return half


def loss_curve(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Stage -> steps and the losses averaged between them, at most POINTS of them. Raises ValueError where no run logged there."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag.endswith("/loss")]
    if not tags:
        raise ValueError(f"{folder} holds no loss curve: not the folder of a run")
    curve = {}
    for tag in tags:
        # A resumed run logs the steps after its last flush twice; the later value is the one that counts.
        losses = dict(sorted({event.step: event.value for event in events.Scalars(tag)}.items()))
        steps, values = list(losses), list(losses.values())
        width = -(-len(steps) // POINTS)
        chunks = [slice(at, at + width) for at in range(0, len(steps), width)]
        means = [round(sum(values[c]) / len(values[c]), 5) for c in chunks]
        curve[tag.removesuffix("/loss")] = {"step": [float(steps[c][-1]) for c in chunks], "loss": means}
    return curve


def draw_curve(curve: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Loss over steps, one line a stage."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), dpi=110)
    for stage, line in curve.items():
        axes.plot(line["step"], line["loss"], label=stage, linewidth=1)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
