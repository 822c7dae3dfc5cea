"""Nothing in the package runs what a file says: no pickle, no eval, no unsafe YAML. And nothing committed that does not belong.

The walk looks at names, so it is a fence against slips, not against someone who hides a call on purpose.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Files that may import pickle: only for an Unpickler whose find_class lets named classes through. One line each, with the reason.
# unpickle.py: files of others; a few names, answered by stand-ins of its own, everything else refused.
PICKLE_EXCEPTIONS: frozenset[str] = frozenset({"drive/pickles/unpickle.py"})

PICKLE_MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "pickletools", "jsonpickle"}
FORBIDDEN_CALLS = {
    "eval": "evaluates text",
    "exec": "executes text",
    "compile": "compiles text",
    "__import__": "imports by text; use importlib.import_module",
    "torch.load": "unpickles; use safetensors",
    "torch.save": "pickles; use safetensors",
    "torch.hub.load": "downloads and runs code",
    "os.system": "runs a shell",
    "os.popen": "runs a shell",
    "yaml.load": "builds objects; use yaml.safe_load",
    "yaml.load_all": "builds objects; use yaml.safe_load_all",
    "yaml.full_load": "builds objects; use yaml.safe_load",
    "yaml.full_load_all": "builds objects; use yaml.safe_load_all",
    "yaml.unsafe_load": "builds objects; use yaml.safe_load",
    "yaml.unsafe_load_all": "builds objects; use yaml.safe_load_all",
    "pandas.read_pickle": "unpickles",
}
NUMPY_LOAD = {"numpy.load", "numpy.lib.npyio.load"}
SIZE_LIMIT_BYTES = 5 * 10**6
CHECKPOINT_LIMIT_BYTES = 20_000_000  # of a shipped checkpoint's weights
# Folders of one machine: a home, a workplace, a scratch folder. Looked for at the start of a path, not inside a longer one.
MACHINE_PATH = re.compile(r"(?<![\w.~)}\]/:-])/(?:root|home/\w+|Users/\w+|work|tmp|opt|mnt|scratch)/[\w.]")


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `np` -> numpy, `load` -> numpy.load."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                names[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    head, *rest = ast.unparse(node).split(".")
    return ".".join([aliases.get(head, head), *rest])


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_false(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is False)


def _imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _call_finding(call: ast.Call, aliases: dict[str, str]) -> str | None:
    name = _full_name(call.func, aliases).removeprefix("builtins.")
    if name in FORBIDDEN_CALLS:
        return f"{name} {FORBIDDEN_CALLS[name]}"
    if name in NUMPY_LOAD and not _is_false(_keyword(call, "allow_pickle")):
        return f"{name} with allow_pickle unpickles"
    if name in NUMPY_LOAD and len(call.args) > 2:
        return f"{name}: name its arguments"
    if not _is_false(_keyword(call, "shell")):
        return f"{name} with shell runs a shell"
    return None


def findings(source: str, pickle_allowed: bool = False) -> list[str]:
    """What is forbidden in this source, one string each with its line."""
    tree = ast.parse(source)
    aliases = _aliases(tree)
    pickles = [(line, f"imports {name}") for line, name in _imported_modules(tree) if name.split(".")[0] in PICKLE_MODULES]
    found = [] if pickle_allowed else pickles
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (finding := _call_finding(node, aliases)):
            found.append((node.lineno, finding))
        elif isinstance(node, ast.Attribute | ast.Name) and _full_name(node, aliases) in FORBIDDEN_CALLS:
            found.append((node.lineno, f"names {_full_name(node, aliases)}"))
    return [f"line {line}: {finding}" for line, finding in sorted(set(found))]


def test_package_runs_nothing_it_reads() -> None:
    files = sorted([*(ROOT / "drive").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
    found = {}
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        found[name] = findings(file.read_text(), name in PICKLE_EXCEPTIONS)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_exceptions_exist_and_allow_named_classes_only() -> None:
    for name in PICKLE_EXCEPTIONS:
        tree = ast.parse((ROOT / name).read_text())
        aliases = _aliases(tree)
        calls = {_full_name(node.func, aliases) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"pickle.load", "pickle.loads", "pickle.Unpickler"}, f"{name}: use the Unpickler that has the list"
        assert any(isinstance(node, ast.FunctionDef) and node.name == "find_class" for node in ast.walk(tree)), f"{name}: no find_class"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import dill as d",
        "eval('1')",
        "import builtins\nbuiltins.exec('1')",
        "run = eval",
        "import torch\ntorch.load('x', weights_only=True)",
        "from torch import load\nload('x')",
        "import torch as t\nread = t.load",
        "import yaml\nyaml.load('a', Loader=yaml.SafeLoader)",
        "from yaml import full_load as read\nread('a')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', None, True)",
        "import numpy as np\nflag = True\nnp.load('x', allow_pickle=flag)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
    ],
)
def test_walk_finds(source: str) -> None:
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.load('x')\nnp.load('x', allow_pickle=False)",
        "import yaml\nyaml.safe_load('a: 1')",
        "import re\nre.compile('a')\nmodel.eval()",
        "import torch\ntorch.compile(f)\nfrom safetensors.torch import load_file\nload_file('x')",
        "import subprocess\nsubprocess.run(['ls'])",
        "from drive.planners.load import load\nload('x')",
    ],
)
def test_walk_leaves_harmless_code_alone(source: str) -> None:
    assert findings(source) == []


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [file for name in listing.split("\0") if name and (file := ROOT / name).is_file()]


def test_no_committed_file_is_large(committed: list[Path]) -> None:
    shipped = {file for file in committed if file.parent.parent == ROOT / "data" / "checkpoints" and file.name == "model.safetensors"}
    sizes = {file: file.stat().st_size for file in committed}
    large = [file for file, size in sizes.items() if size > (CHECKPOINT_LIMIT_BYTES if file in shipped else SIZE_LIMIT_BYTES)]
    assert [f"{file.relative_to(ROOT)}: {sizes[file]} bytes" for file in large] == []


def test_no_committed_link_leaves_the_repository(committed: list[Path]) -> None:
    assert [str(file.relative_to(ROOT)) for file in committed if not file.resolve().is_relative_to(ROOT)] == []


def test_no_committed_file_names_a_machine_path(committed: list[Path]) -> None:
    found = []
    for file in committed:
        content = file.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_links_of_the_pages_lead_somewhere(committed: list[Path]) -> None:
    lost = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in committed
        if page.suffix == ".md"
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert lost == []


def test_machine_path_pattern() -> None:
    for text in ("see " + "/root" + "/x", '"' + "/home" + '/ann/data"', "(" + "/work" + "/main)", "--out=" + "/tmp" + "/a"):
        assert MACHINE_PATH.search(text), text
    for text in ("../work/main", "a/tmp/b", "https://example.org/home/page", "DATA/root/x", "/proc/self/maps", "/usr/bin", "work / tmp"):
        assert not MACHINE_PATH.search(text), text
