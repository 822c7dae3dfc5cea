"""Names say which thing they mean: no public class is defined twice, and files that the pages name are there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "drive"
# Copied to where the package is not; its types are named after those of the package that they stand for.
COPIED = PACKAGE / "planners" / "remote" / "drive_client.py"


def test_no_public_class_name_is_defined_twice() -> None:
    places = defaultdict(list)
    for path in sorted(set(PACKAGE.rglob("*.py")) - {COPIED}):
        for node in ast.parse(path.read_text(), str(path)).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert places and {name: where for name, where in places.items() if len(where) > 1} == {}


def test_files_that_the_pages_name_are_there() -> None:
    root = PACKAGE.parent
    # Of `tools/` and `drive/`, pages also name files of other projects and files that a reader is to write.
    named = {
        (page.name, name)
        for page in [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").glob("*.md")]
        for name in re.findall(r"\btests/[a-z0-9_/]+\.(?:py|json)", page.read_text())
    }
    assert named and sorted(pair for pair in named if not (root / pair[1]).is_file()) == []
