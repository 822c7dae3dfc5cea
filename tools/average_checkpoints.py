"""Two trained checkpoints of one network -> one to ship, whose weights are the mean of theirs, in half precision.

    python -m tools.average_checkpoints data/checkpoints/first-answers runs/people/checkpoint data/checkpoints/first-answers

Where the second went on from the first, their mean can be better than either, at the cost of one (arXiv 2203.05482).
OUT may be one of them; its model card and curves stay. provenance.json tells of the second, and of the first under `averaged_with`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from drive.checkpoint import CONFIG, DIGESTS, PROVENANCE, RIG, WEIGHTS, read_json, unpretrained
from drive.model.config import ModelConfig
from drive.tensors import load_tensors
from drive.values import from_values
from tools.publish_run import halved


def mean(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The mean of two networks' tensors; what is no float (counts of batches) is the second's. Raises ValueError where a name, shape or
    dtype differs."""
    names = sorted(first.keys() ^ second.keys()) or [name for name in first if first[name].shape != second[name].shape]
    if names:
        raise ValueError(f"the checkpoints are of different networks: {names[0]} differs")
    floats = {name for name in second if second[name].is_floating_point()}
    return {name: 0.5 * first[name].float() + 0.5 * second[name].float() if name in floats else second[name] for name in second}


def average(first: Path, second: Path, out: Path) -> None:
    """Writes the checkpoint. Raises ValueError where the configurations differ, or as `mean`."""
    if _config(first) != _config(second):
        raise ValueError(f"{first / CONFIG} and {second / CONFIG} differ: only checkpoints of one network have a mean")
    weights = mean(load_tensors(first / WEIGHTS), load_tensors(second / WEIGHTS))
    told = read_json(second / PROVENANCE) | {"averaged_with": read_json(first / PROVENANCE)}
    out.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, RIG):
        if (second / name).exists() and second != out:
            shutil.copyfile(second / name, out / name)
    save_file(halved({name: tensor.contiguous() for name, tensor in weights.items()}), out / WEIGHTS)
    (out / PROVENANCE).write_text(json.dumps(told, indent=2))
    (out / DIGESTS).unlink(missing_ok=True)
    print(f"{out}: {sum(tensor.numel() for tensor in weights.values()):,} numbers")


def _config(folder: Path) -> ModelConfig:
    return unpretrained(from_values(ModelConfig, read_json(folder / CONFIG), str(folder / CONFIG)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("first", "second", "out"):
        parser.add_argument(name, type=Path)
    average(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
