"""Compiled kernels are cached by the sources that they are compiled from."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.registry import cpu_target

from drive import jit

ROOT = Path(__file__).resolve().parents[1]
COMPILED = re.compile(r"^@(?:fast_|maker_)?(?:kernel|part)$", re.MULTILINE)
KERNEL_FILES = sorted(path for path in (ROOT / "drive").rglob("*.py") if COMPILED.search(path.read_text()))

def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _folders(modules: list[str]) -> dict[str, str]:
    """Names of the cache folders, as a process that starts now would find them."""
    jit._imported.cache_clear()
    jit.cache_folder.cache_clear()
    return {module: jit.cache_folder(module).name for module in modules}  # type: ignore[union-attr]


def test_there_are_kernels_and_nobody_else_compiles() -> None:
    assert len(KERNEL_FILES) > 25
    others = [p for p in (ROOT / "drive").rglob("*.py") if p.name != "jit.py" and re.search(r"\bnumba\b", p.read_text().split('"""')[-1])]
    assert [p for p in others if "import numba" in p.read_text()] == []


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package whose caches are asked for in place of this one's."""
    shutil.copytree(ROOT / "drive", tmp_path / "drive", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "PACKAGE", tmp_path / "drive")
    yield tmp_path
    jit._imported.cache_clear()
    jit.cache_folder.cache_clear()


def test_changing_any_kernels_source_drops_its_cache_and_that_of_those_who_call_it(copied: Path) -> None:
    """Every kernel file in turn gets a new line in a copy of the package."""
    modules = [_module(path) for path in KERNEL_FILES]
    before = _folders(modules)
    assert len(before) == len(modules) and len(set(before.values())) == len(modules)
    for path in KERNEL_FILES[:: len(KERNEL_FILES) // 6]:
        copy = copied / path.relative_to(ROOT)
        text = copy.read_text()
        copy.write_text(text + "\n# changed\n")
        after = _folders(modules)
        copy.write_text(text)
        changed = {module for module in modules if after[module] != before[module]}
        assert changed == {module for module in modules if copy in jit.sources_of(module)}
        assert _module(path) in changed


def test_sources_are_those_that_python_imports() -> None:
    """Against the syntax tree: every module of the package imported at a kernel file's top is among its sources."""
    for path in KERNEL_FILES:
        sources = jit.sources_of(_module(path))
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("drive."):
                assert ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py") in sources or (
                    ROOT.joinpath(*str(node.module).split("."), "__init__.py") in sources
                )


def test_constants_and_helpers_count_too() -> None:
    names = {path.name for path in jit.sources_of("drive.world.advance")}
    assert {"advance.py", "state.py", "shapes.py", "traffic.py", "walkers.py", "checks.py", "frames.py"} <= names


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(jit, "PACKAGE", tmp_path / "file")  # nothing can be made below a file
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jit.cache_folder.cache_clear()
    try:
        assert jit.cache_folder("drive.none").is_relative_to(tmp_path / "cache" / "drive")  # type: ignore[union-attr]
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        jit.cache_folder.cache_clear()
        assert jit.cache_folder("drive.none") is None
    finally:
        jit.cache_folder.cache_clear()


def test_a_constant_is_compiled_for_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that another calls with constants and with values is compiled once."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @jit.kernel
    def plus(a: int, b: bool) -> int:
        return a + b

    @jit.kernel
    def calls(n: int) -> int:
        return plus(3, True) + plus(4, False) + plus(n, n > 1) + plus(a=n, b=True)

    assert calls(2) == plus.py_func(3, True) + 4 + 3 + 3  # type: ignore[attr-defined]
    assert plus(5, True) == 6 and len(plus.nopython_signatures) == 1  # type: ignore[attr-defined]


def test_parts_are_parts_and_plain_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called by a kernel they are compiled; called from Python they are what is written."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @jit.part
    def total(values: np.ndarray) -> float:
        found = 0.0
        for value in values:
            found += value
        return found

    @jit.maker_part
    def halves(values: np.ndarray) -> np.ndarray:
        return 0.5 * values

    @jit.kernel
    def both(values: np.ndarray) -> float:
        return total(halves(values))

    values = np.arange(10.0)
    assert both(values) == total(halves(values)) == 22.5


def test_a_part_is_linked_and_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kernels alone call makes no machine code of its own; arrays, several results and errors pass through it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @jit.maker_part
    def halves(values: np.ndarray) -> np.ndarray:
        if len(values) == 0:
            raise ValueError("nothing to halve")
        return 0.5 * values

    @jit.kernel
    def twice(values: np.ndarray) -> tuple[np.ndarray, float]:
        first = halves(values)
        return halves(first), first[0]

    before = set(_loaded())
    quarter, first = twice(np.arange(2.0, 5.0))
    assert quarter.tolist() == [0.5, 0.75, 1.0] and first == 1.0
    with pytest.raises(ValueError, match="nothing to halve"):
        twice(np.zeros(0))
    assert not [name for name in set(_loaded()) - before if "halves" in name and "NumbaEnv" not in name]


def _loaded() -> list[str]:
    """Names of the functions that are machine code in this process."""
    return list(cpu_target.target_context.codegen()._engine._defined_symbols)


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda path: path.stem)
def test_a_part_without_reference_counts_gives_no_array(path: Path) -> None:
    """An array made or handed on without a reference count would be freed while it is in use."""
    for node in ast.parse(path.read_text()).body:
        decorators = [ast.unparse(d) for d in node.decorator_list] if isinstance(node, ast.FunctionDef) else []
        if {"part", "fast_part"} & set(decorators):
            assert isinstance(node, ast.FunctionDef) and node.returns is not None
            given = set(re.findall(r"[A-Za-z]\w*", ast.unparse(node.returns)))
            assert given <= {"None", "bool", "int", "float", "tuple", "np", "uint8"}, f"{node.name} returns {ast.unparse(node.returns)}"
