"""WOD-E2E: a submission, `.tar.gz` of shards or one shard. waymo-open-dataset, `end_to_end_driving_submission.proto`.

Each prediction has its frame's name and x, y of 20 points every 0.25 s in the ego frame (x forward, y left).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive import protobuf
from drive.eval.convert.base import Converted, ResultSource
from drive.eval.convert.known import Known
from drive.frames import Array
from drive.schema import PlanError

TIMES_S = tuple(float(t) for t in 0.25 * np.arange(1, 21))
PREDICTIONS, FRAME_NAME, TRAJECTORY, POS_X, POS_Y = 1, 1, 2, 1, 2
LARGEST_BYTES = 1 << 30
GZIP = b"\x1f\x8b"


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    converted = Converted("ego", TIMES_S)
    for name, shard in shards(path):
        try:
            for number, _, value in protobuf.fields(shard):
                if number == PREDICTIONS and isinstance(value, bytes):
                    _add(converted, list(protobuf.fields(value)))
        except ValueError as error:
            raise ValueError(f"{path}: {name} is no submission of WOD-E2E ({error}); expected {SOURCE.told}") from error
    if not converted.results and not converted.errors:
        raise ValueError(f"{path} holds no predictions")
    return converted


def shards(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each shard: of an archive's files, nothing is unpacked to disk, or of the file itself."""
    try:
        with path.open("rb") as file:
            archive = file.read(2) == GZIP
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"{path} has more than {LARGEST_BYTES >> 20} MiB")
        if not archive:
            yield path.name, path.read_bytes()
            return
        with gzip.open(path) as packed:  # headers count too: those of a hostile archive alone could fill the memory
            data = packed.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise ValueError(f"{path} unpacks to more than {LARGEST_BYTES >> 20} MiB")
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is not None:
                    yield member.name, stream.read()
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _add(converted: Converted, parts: list[tuple[int, int, int | bytes]]) -> None:
    names = [protobuf.text(value) for number, _, value in parts if number == FRAME_NAME]
    converted.add(names[-1] if names else None, _path, parts)


def _path(parts: list[tuple[int, int, int | bytes]], steps: int) -> Array:
    whole = b"".join(value for number, _, value in parts if number == TRAJECTORY and isinstance(value, bytes))
    inner = list(protobuf.fields(whole))
    x, y = protobuf.floats(inner, POS_X), protobuf.floats(inner, POS_Y)
    if len(x) != len(y) or len(x) != steps:
        raise PlanError(f"the plan has {len(x)} x and {len(y)} y, expected {steps} of each")
    return np.column_stack([x, y]).astype(np.float64)


SOURCE = ResultSource("WOD-E2E submission", "a submission: .tar.gz, or one of its shards", read)
