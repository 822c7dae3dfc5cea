"""What travels with the package: the checkpoints of data/checkpoints and the configurations of configs/, found by their names from any
folder. In the repository the two are symbolic links beside this file; a wheel holds the files themselves."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CHECKPOINTS, CONFIGS = FOLDER / "checkpoints", FOLDER / "configs"


def checkpoint_names() -> list[str]:
    """The shipped planners."""
    return sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))


def config_names() -> list[str]:
    """The shipped training runs."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def shipped_checkpoint(name: str) -> Path | None:
    """The folder of a shipped planner, None where there is none of that name."""
    return CHECKPOINTS / name if name in checkpoint_names() else None


def shipped_config(name: str) -> Path | None:
    """The file of a shipped training run, None where there is none of that name."""
    return CONFIGS / f"{name}.yaml" if name in config_names() else None


def found(path: str | Path) -> Path:
    """The path itself; where nothing is there and it is one of the repository's (`configs/rigs/first-drive.yaml`), the shipped file."""
    path = Path(path)
    return FOLDER / path if not path.exists() and path.parts[:1] == ("configs",) and (FOLDER / path).is_file() else path
