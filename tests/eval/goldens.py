"""Where the golden files are: DRIVE_GOLDEN, by default ../shared/golden beside the repository.

Sets are found by file name, so that sets nobody has seen before are checked too. Where that folder is absent, the planning
sets come from the copy in tests/golden.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve()
FOLDER = Path(os.environ.get("DRIVE_GOLDEN") or HERE.parents[3] / "shared" / "golden")
COPIES = HERE.parents[1] / "golden"
PLANNING_FOLDER = FOLDER if FOLDER.is_dir() else COPIES
# Notes what was compared: (what, samples, values, the samples that differ and why). `tests/conftest.py` adds it up.
Tally = Callable[[str, int, int, list[str]], None]


def set_names(pattern: str, folder: Path = FOLDER) -> list[str]:
    """Names, without their endings, of the files that match, companions like NAME.rasters.npz left out."""
    return sorted(path.stem for path in folder.glob(pattern) if "." not in path.stem)
