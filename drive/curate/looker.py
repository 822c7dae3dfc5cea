"""Which network looks at records, and what its numbers of them are to passes; nothing here needs torch (`drive.curate.embedding` does)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.frames import Array
from drive.shipped import checkpoint_names, shipped_checkpoint

SIZE, FIELDS = 128, (3, 6)  # numbers of a record; rows and columns of a picture that they are made of
WHITE, SAMPLE = 64, 1024  # directions that are compared at most; records that they are found from
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Network:
    """Which one looks. name: a shipped planner, a checkpoint folder, or with weights, a safetensors file of timm's, a timm model."""

    name: str
    weights: str = ""

    @property
    def file(self) -> Path:
        """Its weights. Raises ValueError where there are none."""
        path = Path(self.weights) if self.weights else (shipped_checkpoint(self.name) or Path(self.name)) / WEIGHTS
        if not path.is_file():
            raise ValueError(
                f"no network {self.name!r} to embed records by: {path} is no file; name a shipped planner "
                f"({', '.join(checkpoint_names())}), a checkpoint folder, or a timm model and a file of its weights"
            )
        return path

    @property
    def digest(self) -> str:
        """What tells its numbers from another's."""
        told = hashlib.sha256(f"{self.name if self.weights else ''} {SIZE} {FIELDS}".encode())
        told.update(self.file.read_bytes())
        return told.hexdigest()[:12]


def seen(embeddings: Sequence[str]) -> Array:
    """What `embedding` made of records with the same cameras -> [N, WHITE or less] about their mean, every direction (of an even sample) as
    wide as any other: few ones would hide the rest. 0 where the embedding is ""."""
    there = np.array([bool(text) for text in embeddings])
    if there.sum() < 2:
        return np.zeros((len(there), 1))
    rows = np.array([np.frombuffer(bytes.fromhex(text), "<f2") for text in embeddings if text], dtype=np.float64)
    sample = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64)]
    mean = sample.mean(0)
    _, wide, axes = np.linalg.svd(sample - mean, full_matrices=False)
    most = max(1, min(WHITE, len(rows) // 4, int((wide > 1e-3 * wide[0]).sum())))
    found = np.zeros((len(there), most))
    found[there] = (rows - mean) @ (axes[:most].T / np.maximum(wide[:most], 1e-9))
    return found
