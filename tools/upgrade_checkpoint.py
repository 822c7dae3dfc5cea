"""Brings a checkpoint folder of an older version to the form that later ones read: `python tools/upgrade_checkpoint.py FOLDER`.

Its vocabulary becomes an allotment of ids (`drive.tokens.vocab`), under which every id stays what it was; its sensors get the names
they have now, and go on reading every picture at the configured size. No weight changes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from drive.tasks import declared
from drive.tokens.vocab import Grid, Vocabulary

REQUESTS = ("plan:bins", "plan:text")  # all that version 0.1 knew, in the order of their ids
RENAMED = {
    r"^tokens\.metres\.weight$": "tokens.numbers.metre.weight",
    r"^camera\.": "sensors.camera.",
    r"^ego\.command\.": "sensors.command.table.",
    r"^ego\.(motion|history|dynamics)\.": r"sensors.\1.layers.",
}


def upgrade(folder: Path) -> bool:
    """Rewrites config.json and model.safetensors; False where there is nothing to do."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    before = load_file(folder / "model.safetensors")
    weights = {_renamed(name): tensor for name, tensor in before.items()}
    if list(weights) == list(before):
        return False
    if "metre_low" in config.get("vocabulary", {}):
        _allot(config)
    config["camera"] = {"stretch": True, **config["camera"]}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return True


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        name = re.sub(old, new, name)
    return name


def _allot(config: dict[str, Any]) -> None:
    """The vocabulary of version 0.1 as an allotment."""
    old = config["vocabulary"]
    grid = Grid(*(old[f"metre_{name}"] for name in ("low", "high", "step")))
    config["numbers"] = {"metre": vars(grid)}
    allotted = Vocabulary().extended(declared(REQUESTS, {"metre": grid}), REQUESTS)
    parts = [{"name": p.name, "size": p.size, "grid": vars(p.grid) if p.grid else None} for p in allotted.allotted]
    config["vocabulary"] = {"allotted": parts, "requests": list(allotted.requests)}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {'upgraded' if upgrade(Path(name)) else 'nothing to do'}")
