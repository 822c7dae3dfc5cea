"""What is known of the samples that results are of: their tokens in order of time, and where the ego was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drive.data.scenes import SceneLog
from drive.eval.plan_json import shown
from drive.pickles import read_pickle
from drive.pickles.results import NAMES

INFOS_SCALE = 10
EXPECTED = 'a name a line, a JSON list ["NAME", ...], WOD-E2E\'s {"SEGMENT": "FRAME", ...} or an info pickle, each name once'


@dataclass(frozen=True, eq=False)
class Known:
    """tokens: the samples, in the order of their time stamps, as info files hold them. logs: scene -> its record, empty where tokens
    alone are known. told: where they come from."""

    tokens: tuple[str, ...]
    told: str
    logs: Mapping[str, SceneLog] = field(default_factory=dict)

    def paired(self, results: list[Any], project: str) -> list[tuple[str, Any]]:
        """Results that name no samples, with theirs. Raises ValueError where there are more or fewer than samples."""
        if len(results) != len(self.tokens):
            what = f"{project}'s results hold {len(results)} samples, {self.told} has {len(self.tokens)}"
            raise ValueError(f"{what}: give the very split that was tested (--split), or the names in order (--tokens)")
        return list(zip(self.tokens, results, strict=True))


def known_from_dataset(dataset: Any) -> Known:
    """The samples of a data set (or of a truth file) that can tell whole scenes. Raises ValueError where it cannot."""
    if not hasattr(dataset, "log"):
        raise ValueError(f"{dataset.name} cannot tell its scenes as wholes; give a nuScenes-format data set, a truth file, or --tokens")
    logs = {name: dataset.log(name) for name in dataset.scenes}
    chosen = set(dataset.tokens)
    stamped = [(int(t), token) for log in logs.values() for t, token in zip(log.timestamps_us, log.tokens, strict=True)]
    ordered = sorted((pair for pair in stamped if pair[1] in chosen), key=lambda pair: pair[0])
    return Known(tuple(token for _, token in ordered), dataset.name, logs)


def known_from_file(path: Path) -> Known:
    """Names of samples in order: a text file with one a line, a JSON list, WOD-E2E's JSON of the frames to submit (segment -> frame),
    or an info pickle of MMDetection3D (by time stamp). Raises ValueError where it is none of these."""
    try:
        content = path.read_bytes() if path.suffix not in (".pkl", ".pickle") else b""
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    tokens = _from_infos(path) if path.suffix in (".pkl", ".pickle") else _from_text(path, content)
    if not tokens or not all(isinstance(token, str) and token for token in tokens):
        raise ValueError(f"{path} is no list of names, got {shown(tokens, 60)}; expected {EXPECTED}")
    if twice := next((token for token, count in Counter(tokens).items() if count > 1), None):
        raise ValueError(f"{path} names {shown(twice, 60)!r} twice; expected {EXPECTED}")
    return Known(tuple(tokens), path.name)


def _from_text(path: Path, content: bytes) -> list[Any]:
    try:
        words = content.decode("utf-8")
        if path.suffix != ".json":
            return words.split()
        data = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no list of names: {error}") from error
    if isinstance(data, dict) and all(str(frame).isdigit() for frame in data.values()):
        return [f"{segment}-{int(frame):03d}" for segment, frame in data.items()]
    if not isinstance(data, list):
        raise ValueError(f"{path} is no list of names, got {shown(data, 60)}; expected {EXPECTED}")
    return data


def _from_infos(path: Path) -> list[Any]:
    data = read_pickle(path, "info", NAMES, INFOS_SCALE)
    infos = data.get("infos") if isinstance(data, dict) else data
    if not isinstance(infos, list) or not all(isinstance(i, dict) and isinstance(i.get("timestamp"), int | float) for i in infos):
        raise ValueError(f"{path} holds no infos with token and timestamp")
    return [info.get("token") for info in sorted(infos, key=lambda info: info["timestamp"])]
