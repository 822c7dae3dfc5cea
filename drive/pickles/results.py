"""Names that others' results hold besides arrays: torch's tensors, which become arrays, and objects, which become `Instance`.

A tensor in a plain pickle is a call of torch's with the bytes of its storage, which are torch's older file format: a fixed head,
three small pickles, and the numbers. These are looked at here; torch itself is neither needed nor run. bfloat16 becomes float32.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from drive.pickles.standins import ALLOWED, MAX_ITEMS, ArrayParts, MakeDict, NamedClass
from drive.pickles.unpickle import Closed

# The magic number and the version of torch's older format, each a pickle of protocol 2.
STORAGE_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "<?",
}  # fmt: skip
BFLOAT16 = "BFloat16Storage"
# A storage's pickles have some sixty instructions.
STORAGE_SCALE = 1e-4


class StorageType:
    """Stands for a storage class of torch."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


STORAGE_NAMES = {(module, name): StorageType(name) for module in ("torch", "torch.cuda") for name in STORAGES}


class _StorageFile(Closed):
    """The pickles of a storage: they name a storage's class, and refer to the storage itself."""

    def persistent_load(self, pid: Any) -> Any:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], StorageType):
            raise ValueError("a tensor's storage is not described as torch does")
        return pid


class LoadStorage:
    """Answers torch.storage._load_from_bytes: bytes in torch's older format -> their numbers [N]."""

    __slots__ = ()

    def __call__(self, *args: Any) -> np.ndarray:
        if len(args) != 1 or not isinstance(args[0], bytes) or not args[0].startswith(STORAGE_HEAD):
            raise ValueError("a tensor's storage is not in torch's format for pickles")
        file = io.BytesIO(args[0])
        file.seek(len(STORAGE_HEAD))
        system, about, keys = (_StorageFile(file, len(args[0]), STORAGE_NAMES, STORAGE_SCALE).load() for _ in range(3))
        if system.get("little_endian") is not True or keys != [about[2]] or any(part is not None for part in about[5:]):
            raise ValueError("a tensor's storage is not a plain one of a little-endian machine")
        name, numbers = about[1].name, np.frombuffer(args[0], offset=file.tell() + 8, dtype=STORAGES[about[1].name])
        if int.from_bytes(file.read(8), "little") != len(numbers) or about[4] != len(numbers):
            raise ValueError(f"a tensor's storage says {about[4]} numbers and holds {len(numbers)}")
        return (numbers.astype("<u4") << 16).view("<f4") if name == BFLOAT16 else numbers


class TensorParts(ArrayParts):
    """A tensor as a file describes it: numbers [N], where its first one is, sizes and steps in numbers."""

    __slots__ = ()

    def build(self) -> np.ndarray:
        """The array, read only, on the storage's numbers. Raises ValueError where it leaves them."""
        numbers, offset, size, stride = self.state
        counts = [*size, *stride, offset]
        if len(size) != len(stride) or len(size) > 8 or not all(isinstance(n, int) and 0 <= n <= MAX_ITEMS for n in counts):
            raise ValueError(f"a tensor's shape is absurd: {size}, {stride}")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 in size:
            return numbers[:0].reshape(size)
        if last >= len(numbers):
            raise ValueError(f"a tensor of shape {size} leaves its {len(numbers)} numbers")
        steps = [step * numbers.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(numbers[offset:], size, steps, writeable=False)


class RebuildTensor:
    """Answers torch._utils._rebuild_tensor and _rebuild_tensor_v2."""

    __slots__ = ()

    def __call__(self, *args: Any) -> TensorParts:
        if len(args) < 4 or not isinstance(args[0], np.ndarray) or not isinstance(args[2], tuple) or not isinstance(args[3], tuple):
            raise ValueError("a tensor is not described as torch does")
        tensor = TensorParts()
        tensor.state = args[:4]
        return tensor


class Encode:
    """Answers _codecs.encode, by which protocols 0 to 2 write bytes."""

    __slots__ = ()

    def __call__(self, *args: Any) -> bytes:
        if len(args) != 2 or not isinstance(args[0], str) or args[1] not in ("latin1", "latin-1"):
            raise ValueError("bytes are not written as latin1 text")
        return args[0].encode("latin1")


class Reconstructor:
    """Answers copyreg._reconstructor, by which protocols 0 and 1 make objects."""

    __slots__ = ()

    def __call__(self, *args: Any) -> Any:
        if len(args) != 3 or not isinstance(args[0], NamedClass) or args[2] is not None:
            raise ValueError("an object is not described plainly")
        return args[0]()


TRAJECTORY = "navsim.common.dataclasses.Trajectory"
SAMPLING = "nuplan.planning.simulation.trajectory.trajectory_sampling.TrajectorySampling"
BOXES = ("LiDARInstance3DBoxes", "CameraInstance3DBoxes", "DepthInstance3DBoxes", "CustomLiDARInstance3DBoxes")
NAMES: dict[tuple[str, str], Any] = {
    **ALLOWED,
    ("torch._utils", "_rebuild_tensor"): RebuildTensor(),
    ("torch._utils", "_rebuild_tensor_v2"): RebuildTensor(),
    ("torch.storage", "_load_from_bytes"): LoadStorage(),
    ("collections", "OrderedDict"): MakeDict(),
    ("_codecs", "encode"): Encode(),
    ("__builtin__", "object"): NamedClass("object"),
    ("builtins", "object"): NamedClass("object"),
    ("__builtin__", "set"): ALLOWED["builtins", "set"],
    ("copy_reg", "_reconstructor"): Reconstructor(),
    ("copyreg", "_reconstructor"): Reconstructor(),
    **{("*", name): NamedClass(name) for name in BOXES},  # mmdetection3d's boxes, wherever a version or a fork of it keeps them
    **{(full.rpartition(".")[0], full.rpartition(".")[2]): NamedClass(full) for full in (TRAJECTORY, SAMPLING)},
}
