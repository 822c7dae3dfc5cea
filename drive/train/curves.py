"""What a run shows while it goes on: curves for TensorBoard, and its progress."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from drive.config import Stage
from drive.outputs import writing
from drive.progress import Lines


@contextlib.contextmanager
def curves(folder: Path | None) -> Iterator[Any]:
    """A function (name, value, step) that adds to the curves; to none where there is no folder. Raises OutputError where they cannot
    be written."""
    if folder is None:
        yield lambda name, value, step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with writing(folder):
        writer = SummaryWriter(str(folder))

    def curve(name: str, value: float, step: int) -> None:
        with writing(folder):
            writer.add_scalar(name, value, step)

    try:
        yield curve
    finally:
        with writing(folder):
            writer.close()


def progress(stage: Stage, start: int, shown: bool) -> tqdm:
    """The bar of a stage; lines where nobody sits at a terminal."""
    quiet = not sys.stderr.isatty()
    told: dict[str, Any] = {"mininterval": 10, "ascii": True, "file": Lines(sys.stderr)} if quiet else {"mininterval": 0.2}
    return tqdm(total=stage.steps, initial=start, desc=stage.name, unit="step", disable=not shown, **told)
