"""A public class's name says which it is: none is defined twice."""

from __future__ import annotations

import ast
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
