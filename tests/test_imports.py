"""Which module may import which, what stays free of torch, and how fast the front door opens."""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]

# From left to right; a module imports from its own layer and those left of it. A new module or folder needs a place here.
LAYERS = (
    {
        "schema",
        "answers",
        "roads",
        "frames",
        "cameras",
        "distortion",
        "geometry",
        "baselines",
        "maps",
        "around",
        "curves",
        "dynamics",
        "control",
        "arrays",
        "pickles",
        "protobuf",
        "poses",
        "bicycle_fit",
        "bicycle_kernel",
        "asking",
        "jit",
        "linking",
        "pool",
        "outputs",
        "limits",
        "words",
        "named",
        "progress",
        "shipped",
    },
    {"tokens", "data"},
    {"tasks", "world", "watch"},
    {"render", "expert"},
    {"eval", "viz", "sim"},
    {"make", "compare", "records"},
    {"model", "decode"},
    {"values", "config", "tensors", "checkpoint"},
    {"planners", "curate"},
    {"train"},
    {"cli", "__main__", "tools"},
)
# Imported where they are used, behind an error that says how to install them.
OPTIONAL = {"tokenizers", "transformers", "pyarrow", "lingua", "glin_profanity", "phonenumbers", "stdnum", "vaderSentiment"}
FREE_OF_TORCH = set().union(*LAYERS[: ["model" in layer for layer in LAYERS].index(True)])
# Their import brings torch in, or is torch's.
TORCH_FAMILY = {"torch", "torchvision", "timm", "transformers"}
# Distribution names that differ from the name one imports.
IMPORT_NAMES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "nuscenes-devkit": "nuscenes",
    "lingua-language-detector": "lingua",
    "glin-profanity": "glin_profanity",
    "python-stdnum": "stdnum",
}
# The start of the interpreter included. CPU time, best of several runs: it does not grow when others use the machine's cores.
IMPORT_LIMIT_S = 0.25
HELP_LIMIT_S = 0.5
RUNS = 5


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _files() -> list[Path]:
    return sorted([*(ROOT / "drive").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _part(module: str) -> str:
    """The name that LAYERS knows: of drive.eval.result, `eval`."""
    names = module.split(".")
    return names[1] if names[0] == "drive" and len(names) > 1 else names[0]


def _layer(module: str) -> int:
    places = [number for number, layer in enumerate(LAYERS) if _part(module) in layer]
    assert places, f"{module}: say in LAYERS (tests/test_imports.py) and in CONTRIBUTING.md which layer it belongs to"
    return places[0]


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything imported anywhere, in functions and under TYPE_CHECKING too."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from drive import x` may name a module or one of drive's public names; both are looked at as drive.x.
            yield from ((node.lineno, f"{base}.{alias.name}" if base == "drive" else base) for alias in node.names)


def _file_imports(path: Path) -> list[tuple[int, str]]:
    return list(_imports(_tree(path), _module(path), path.name == "__init__.py"))


def _wrong_way(path: Path) -> list[str]:
    module = _module(path)
    own = _layer(module)
    return [
        f"{path.relative_to(ROOT)}:{line}: {module} (layer {own}) imports {name} (layer {_layer(name)})"
        for line, name in _file_imports(path)
        if name.split(".")[0] in {"drive", "tools"} and name != "drive" and not name.startswith("drive.__") and _layer(name) > own
    ]


def test_imports_point_to_the_left() -> None:
    """drive/__init__.py is left out: its table of public names imports nothing until a name is used."""
    assert [line for path in _files() if path != ROOT / "drive/__init__.py" for line in _wrong_way(path)] == []


def test_contributing_shows_the_layers_as_they_are() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (chain,) = re.findall(r"^`[^`]+`(?:\s*<-\s*`[^`]+`)+$", text, re.MULTILINE)
    shown = [set(group.split()) for group in re.findall(r"`([^`]+)`", chain)]
    assert shown == [layer - {"__main__"} for layer in LAYERS]


def test_direction_test_sees_every_spelling() -> None:
    lines = ["from drive.model import network", "import drive.train.loop", "from ..planners import load", "from . import result"]
    source = "def f():\n    " + "\n    ".join(lines)
    names = [name for _, name in _imports(ast.parse(source), "drive.eval.table", False)]
    assert names == ["drive.model", "drive.train.loop", "drive.planners", "drive.eval"]
    assert [_layer(name) for name in names] == [6, 9, 8, 4]


def test_left_of_model_names_no_torch() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _files()
        if _part(_module(path)) in FREE_OF_TORCH
        for line, name in _file_imports(path)
        if name.split(".")[0] in TORCH_FAMILY or name == "safetensors.torch"
    ]
    assert found == []


def test_left_of_model_loads_no_torch() -> None:
    """Imports each of those modules in one fresh interpreter and asks after each whether torch came along."""
    modules = ["drive", *(_module(path) for path in _files() if _part(_module(path)) in FREE_OF_TORCH)]
    code = """if True:
        import importlib, json, sys
        guilty = []
        for module in json.loads(sys.argv[1]):
            importlib.import_module(module)
            if 'torch' in sys.modules:
                guilty.append(module)
                break
        print(json.dumps(guilty))
    """
    done = subprocess.run([sys.executable, "-c", code, json.dumps(modules)], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_public_names_exist() -> None:
    import drive

    for name in drive.__all__:
        assert getattr(drive, name) is not None


def test_torchvision_is_made_ready_before_timm() -> None:
    """Where torch and torchvision do not match, a bare `import timm` fails (drive/model/torchvision_shim.py)."""
    for path in _files():
        nodes = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
        calls = [node.lineno for node in nodes if "ensure_torchvision" in ast.unparse(node.func)]
        needing = [line for line, name in _file_imports(path) if name.split(".")[0] in {"timm", "torchvision"}]
        assert not needing or (calls and min(calls) < min(needing)), f"{path.relative_to(ROOT)}: call ensure_torchvision() before {needing}"


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [canonicalize_name(Requirement(text).name) for text in project["dependencies"]]
    assert len(asked) == len(set(asked)), "named twice in pyproject.toml"
    declared = {IMPORT_NAMES.get(name, name) for name in asked} - {"torchvision"}  # imported by name, in the shim
    names = {name for path in (ROOT / "drive").rglob("*.py") for _, name in _file_imports(path)}
    # torch's writer imports tensorboard itself.
    used = {"tensorboard" if name == "torch.utils.tensorboard" else name.split(".")[0] for name in names}
    foreign = used - set(sys.stdlib_module_names) - {"drive"}
    optional = {Requirement(text).name for texts in project["optional-dependencies"].values() for text in texts}
    extras = {IMPORT_NAMES.get(name, name) for name in optional}
    assert foreign - declared - (extras & OPTIONAL) == set(), "imported in drive/, not in pyproject.toml's dependencies"
    assert declared - foreign == set(), "in pyproject.toml's dependencies, imported nowhere in drive/"


def _cpu_seconds(*arguments: str) -> float:
    """User and system time of `python arguments...`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _is_quick(limit_s: float, *arguments: str) -> bool:
    """Whether the least of several runs keeps the limit: the first that does is enough."""
    return any(_cpu_seconds(*arguments) <= limit_s for _ in range(RUNS))


def test_import_drive_is_quick_and_free_of_torch() -> None:
    assert _is_quick(IMPORT_LIMIT_S, "-c", "import drive, sys; assert 'torch' not in sys.modules and 'numpy' not in sys.modules")


@pytest.mark.parametrize("command", [["--help"], ["eval", "--help"]])
def test_help_is_quick(command: list[str]) -> None:
    assert _is_quick(HELP_LIMIT_S, "-m", "drive", *command)
