"""Protocol names and data -> protocols that go together: all of them take this kind of data."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from drive.data.layouts import layout_of
from drive.eval.benchmarks import BENCHMARKS, Benchmark
from drive.eval.benchmarks.base import Input
from drive.eval.openloop.registry import PROTOCOLS
from drive.eval.plan_json import read_json
from drive.eval.rules import Rules
from drive.words import did_you_mean

ALL = "all"
SUFFIXES = (".npz", ".json")  # of benchmarks' files
DATASET = "a nuScenes-format data set (the folder that holds v1.0-*)"


def choose_protocols(names: Sequence[str], data: Path | None = None) -> list[Rules]:
    """Protocol names, or "all" (those that take this data; of a data set the open-loop ones) -> protocols. data: a file; None: a data set.

    Raises ValueError for a name that is none, for protocols that take different kinds of data, and for data of another kind.
    """
    known: dict[str, Rules] = {**PROTOCOLS, **BENCHMARKS}
    unknown = [name for name in names if name not in (ALL, *known)]
    if unknown or not names:
        near = did_you_mean(unknown[0], [ALL, *known]) if unknown else ""
        raise ValueError(f"unknown protocol {', '.join(unknown) or '(none)'}; known: {ALL}, {', '.join(known)}{near}")
    fitting = list(PROTOCOLS) if data is None else _fitting(data)
    chosen = [known[name] for name in dict.fromkeys(name for given in names for name in (fitting if given == ALL else [given]))]
    kinds = {_kind(rules, data): rules.name for rules in chosen}
    if len(kinds) > 1:
        told = ", ".join(f"{name} takes {kind}" for kind, name in kinds.items())
        raise ValueError(f"these protocols take different data, so score them one by one: {told}")
    made = data is None and bool(chosen) and isinstance(chosen[0], Benchmark) and chosen[0].made is not None
    if not chosen or ((data is not None or isinstance(chosen[0], Benchmark)) and not made and not _takes(chosen, fitting)):
        raise ValueError(_mismatch(chosen, data, fitting))
    return chosen


def _kind(rules: Rules, data: Path | None) -> str:
    """What a protocol takes here; of a data set also how it must be opened."""
    if data is None and isinstance(rules, Benchmark) and rules.made is not None:
        window = rules.made.window
        return f"a data set's samples of {window.future_s:g} s at {window.rate_hz:g} Hz"
    return takes(rules)


def takes(rules: Rules) -> str:
    """The kind of data that a protocol takes, in words."""
    return rules.takes.told if isinstance(rules, Benchmark) else DATASET


def _takes(chosen: Sequence[Rules], fitting: Sequence[str]) -> bool:
    return all(rules.name in fitting for rules in chosen)


def _mismatch(chosen: Sequence[Rules], data: Path | None, fitting: Sequence[str]) -> str:
    wanted = f"{chosen[0].name} takes {takes(chosen[0])}" if chosen else f"no protocol takes {data}"
    if data is None:
        return f"{wanted}, not a data set"
    if not fitting:
        kinds = dict.fromkeys(f"{b.takes.told} ({', '.join(sorted(b.takes.marks))})" for b in BENCHMARKS.values())
        return f"{wanted}; {data} is none; files are known by what they hold: {'; '.join(kinds)}"
    return f"{wanted}; {data} looks like {BENCHMARKS[fitting[0]].takes.told}: --protocol {','.join(fitting)}"


def is_benchmark_data(path: Path, names: Sequence[str]) -> bool:
    """Whether a path is a file for benchmarks, no data set; or a folder of results that one of the protocols named takes."""
    if path.is_dir():
        return any(name in BENCHMARKS and _is_folder(path, BENCHMARKS[name].takes) for name in names)
    return (path.is_file() or path.suffix in SUFFIXES) and layout_of(path) is None


def _is_folder(path: Path, kind: Input) -> bool:
    found = path.glob(kind.folder) if kind.folder else ()
    return any(not kind.folder.endswith(f"*{kind.suffix}") or _held(file) & kind.marks for file in sorted(found))


def _fitting(path: Path) -> list[str]:
    """The benchmarks that take a file or folder, by what it holds. Raises ValueError where there is none."""
    if path.is_dir():
        return [name for name, benchmark in BENCHMARKS.items() if _is_folder(path, benchmark.takes)]
    if not path.is_file():
        raise ValueError(f"no file {path}")
    held = _held(path)
    return [name for name, benchmark in BENCHMARKS.items() if path.suffix == benchmark.takes.suffix and held & benchmark.takes.marks]


def _held(path: Path) -> set[str]:
    """Names of the arrays of an .npz file, or the keys of a JSON object. Raises ValueError in one line where it cannot be read."""
    if path.suffix == ".json":
        data = read_json(path)
        return set(data) if isinstance(data, dict) else set()
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path} is neither a data set's folder nor a usable .npz or .json file: {error}") from error
