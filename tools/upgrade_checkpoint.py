"""Brings a checkpoint folder of version 0.1 to the form that later versions read: `python tools/upgrade_checkpoint.py FOLDER`.

Its vocabulary becomes an allotment of ids (`drive.tokens.vocab`), under which every id stays what it was; no weight changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from drive.tasks import declared
from drive.tokens.vocab import Grid, Vocabulary

REQUESTS = ("plan:bins", "plan:text")  # all that version 0.1 knew, in the order of their ids
RENAMED = {"tokens.metres.weight": "tokens.numbers.metre.weight"}


def upgrade(folder: Path) -> bool:
    """Rewrites config.json and model.safetensors; False where there is nothing to do."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    old = config.get("vocabulary", {})
    if "metre_low" not in old:
        return False
    grid = Grid(*(old[f"metre_{name}"] for name in ("low", "high", "step")))
    config["numbers"] = {"metre": vars(grid)}
    allotted = Vocabulary().extended(declared(REQUESTS, {"metre": grid}), REQUESTS)
    parts = [{"name": p.name, "size": p.size, "grid": vars(p.grid) if p.grid else None} for p in allotted.allotted]
    config["vocabulary"] = {"allotted": parts, "requests": list(allotted.requests)}
    weights = {RENAMED.get(name, name): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return True


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {'upgraded' if upgrade(Path(name)) else 'nothing to do'}")
