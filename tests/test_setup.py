"""`make setup`: what it refuses, when it installs and from where; the pins; the wheel.

A recording interpreter stands in for Python in the first part, so nothing is installed.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINT = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+) +# (?P<reason>\S.*)")

# Answers the version question; makes .venv/bin/python a copy of itself; notes every other call; fails on demand.
RECORDING_PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo "{version}" ;;
    *_base_executable*) echo "{itself}" ;;
    *ensurepip*) exit {ensurepip} ;;
    "-m venv"*) echo "$*" >> calls; rm -rf .venv; mkdir -p .venv/bin; cp "{itself}" .venv/bin/python ;;
    *) echo "$*" >> calls; [ ! -e broken ] || exit 1 ;;
esac
"""


class Checkout:
    """A copy of what `make setup` reads, in a folder whose name holds spaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a folder with spaces"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.folder / "tools").mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/setup.sh"):
            shutil.copy(ROOT / name, self.folder / name)
        self.python("python3", "3.11.7")

    def python(self, name: str, version: str, ensurepip: bool = True) -> None:
        command = self.bin / name
        command.write_text(RECORDING_PYTHON.format(version=version, itself=command, ensurepip=0 if ensurepip else 1))
        command.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make` with nothing in the environment but a path."""
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        return subprocess.run(["make", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)

    def calls(self) -> list[str]:
        """The calls noted since the last question."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    return Checkout(tmp_path)


@pytest.mark.parametrize("version", ["2.7.18", "3.10.13", "3.13.0", "3.1.1", "4.0.0"])
def test_other_python_is_refused_by_name_before_anything_is_installed(checkout: Checkout, version: str) -> None:
    for name in ("python3", "python3.11", "python3.12"):
        checkout.python(name, version)
    made = checkout.make("setup")
    assert made.returncode != 0
    assert f"'python3' is Python {version}; needed: Python 3.11 or 3.12" in made.stderr
    assert "make setup PYTHON=python3.12" in made.stderr
    assert checkout.calls() == [] and not (checkout.folder / ".venv").exists()


def test_refusal_names_an_interpreter_that_is_there(checkout: Checkout) -> None:
    checkout.python("python3", "3.13.0")
    checkout.python("python3.12", "3.13.0")
    checkout.python("python3.11", "3.11.9")
    assert "python3.11 is here. Type: make setup PYTHON=python3.11" in checkout.make("setup").stderr
    assert checkout.make("setup", "PYTHON=python3.11").returncode == 0


def test_missing_interpreter_and_missing_ensurepip_are_named(checkout: Checkout) -> None:
    assert "'python9' does not run" in checkout.make("setup", "PYTHON=python9").stderr
    checkout.python("python3", "3.11.2", ensurepip=False)
    assert "lacks the modules venv and ensurepip" in checkout.make("setup").stderr
    assert checkout.calls() == []


def test_second_call_installs_nothing(checkout: Checkout) -> None:
    first = checkout.make("setup")
    assert first.returncode == 0, first.stderr
    (*_, last) = [call for call in checkout.calls() if "pip install" in call]
    assert last.endswith("-c constraints.txt --no-build-isolation -e .[dev] --config-settings editable_mode=compat")
    assert checkout.make("setup").returncode == 0
    assert checkout.calls() == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_changed_pins_are_installed_into_the_same_environment(checkout: Checkout, name: str) -> None:
    checkout.make("setup")
    checkout.calls()
    with (checkout.folder / name).open("a") as file:
        file.write("# one more\n")
    checkout.make("setup")
    calls = checkout.calls()
    assert any("-e .[dev]" in call for call in calls) and not any("venv" in call for call in calls)


def test_interrupted_installation_goes_on_at_the_next_call(checkout: Checkout) -> None:
    (checkout.folder / "broken").touch()
    assert checkout.make("setup", "TORCH=cpu").returncode != 0
    (checkout.folder / "broken").unlink()
    checkout.calls()
    assert checkout.make("setup").returncode == 0
    calls = checkout.calls()
    assert "/whl/cpu torch torchvision" in calls[0] and "-e .[dev]" in calls[2]


def test_torch_choice_is_kept_until_another_is_named(checkout: Checkout) -> None:
    checkout.make("setup", "TORCH=cpu")
    torch_first = "--no-deps --no-warn-conflicts --index-url https://download.pytorch.org/whl/cpu torch torchvision"
    assert any(call.endswith(torch_first) for call in checkout.calls())
    checkout.make("setup")
    assert checkout.calls() == []
    checkout.make("setup", "TORCH=cpu", "TORCH_INDEX=file:///a mirror")
    assert any("--index-url file:///a mirror torch torchvision" in call for call in checkout.calls())
    checkout.make("setup", "TORCH=default")
    calls = checkout.calls()
    assert calls[0] == "-m venv --clear .venv" and not any("--index-url" in call for call in calls)


def test_unknown_torch_is_refused(checkout: Checkout) -> None:
    made = checkout.make("setup", "TORCH=gpu")
    assert made.returncode != 0 and "TORCH=gpu is not known; needed: default or cpu" in made.stderr
    assert checkout.calls() == []


def test_moved_folder_and_other_interpreter_get_a_new_environment(checkout: Checkout) -> None:
    checkout.make("setup")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved here"))
    checkout.calls()
    checkout.make("setup")
    assert checkout.calls()[0] == "-m venv --clear .venv"
    checkout.python("python3.12", "3.12.1")
    checkout.make("setup", "PYTHON=python3.12")
    assert checkout.calls()[0] == "-m venv --clear .venv"


def test_environment_made_by_hand_is_kept(checkout: Checkout) -> None:
    (checkout.folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(checkout.bin / "python3", checkout.folder / ".venv/bin/python")
    assert checkout.make("setup").returncode == 0
    assert not any("venv" in call for call in checkout.calls())


def _constraints() -> dict[str, re.Match[str]]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    matches = {line: CONSTRAINT.fullmatch(line) for line in lines}
    assert all(matches.values()), [line for line, match in matches.items() if not match]
    return {match["name"]: match for match in matches.values() if match}


def _needed_by() -> dict[str, set[str]]:
    """Every package that the project with all its extras pulls in here, and who asks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *itertools.chain.from_iterable(project["optional-dependencies"].values())]
    todo = [("drive", Requirement(text)) for text in asked]
    needed: dict[str, set[str]] = {}
    seen = set()
    while todo:
        who, requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        needed.setdefault(name, set()).add(who)
        if (key := (name, *requirement.extras)) in seen:
            continue
        seen.add(key)
        for text in importlib.metadata.requires(name) or []:
            child = Requirement(text)
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in {"", *requirement.extras}):
                todo.append((name, child))
    return needed


def test_every_package_is_pinned_with_a_reason() -> None:
    constraints, needed = _constraints(), _needed_by()
    assert not needed.keys() - constraints.keys(), "not pinned in constraints.txt"
    for name, match in constraints.items():
        if match["reason"].startswith("for "):
            wanted = set(match["reason"].removeprefix("for ").split(", "))
            assert wanted == needed.get(name, wanted) - {"drive"}, f"constraints.txt: who needs {name}?"


def test_nothing_is_pinned_that_nobody_needs() -> None:
    unneeded = {name for name in _constraints().keys() - _needed_by().keys() if not name.startswith(("cuda-", "nvidia-", "triton"))}
    assert not unneeded  # the rest belongs to torch's CUDA build, absent beside its CPU build


def test_installed_versions_are_the_pinned_ones() -> None:
    constraints = _constraints()
    installed = {name: Version(Version(importlib.metadata.version(name)).public) for name in _needed_by()}  # without +cpu, +cu130
    assert installed == {name: Version(constraints[name]["version"]) for name in installed}


def test_opencv_needs_no_display_library() -> None:
    """What the process maps after `import cv2` and a drawing call, read from the kernel."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc")
    code = "import cv2, numpy; cv2.resize(numpy.zeros((4, 4, 3), 'uint8'), (2, 2)); print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "cv2" in maps
    assert not re.search(r"/(libGL|libEGL|libX11|libgthread|libQt)[\w.-]*\.so", maps)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip makes of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("drive", "configs", "data/checkpoints"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, "-w", str(folder), str(source)], check=True, timeout=120, capture_output=True)
    (made,) = folder.glob("drive-*.whl")
    return made


def test_wheel_holds_the_whole_package(wheel: Path) -> None:
    """Whoever installs with pip instead of make gets every file of drive/, the shipped ones, and the command."""
    files = [Path(folder) / name for folder, _, names in os.walk(ROOT / "drive", followlinks=True) for name in names]
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert not {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts} - names
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "drive = drive.cli:main" in archive.read(entry_points).decode()


def test_shipped_planner_rig_and_run_are_found_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = """if True:
        import drive, drive.shipped
        from drive.config import load_config
        from drive.render.rigs import load_rig
        from drive.sim.sight import Sight, require_sight
        planner = drive.load_planner("first-drive")
        require_sight(planner, Sight("first-drive"))
        run = load_config(drive.shipped.shipped_config("first-drive"))
        print(planner.name, drive.load_planner("ego-mlp").name, load_rig(run.stages[0].data.towns[0].recipe.rig)[0].name, drive.__file__)
    """
    (tmp_path / "elsewhere").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"first-drive ego-mlp CAM_FRONT {tmp_path}/site/drive/__init__.py\n", done.stderr
