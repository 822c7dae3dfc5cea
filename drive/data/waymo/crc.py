"""CRC-32C, the checksum of tfrecord files (Castagnoli's polynomial, reflected: RFC 3720, appendix B.4), and TensorFlow's mask of it."""

from __future__ import annotations

import numpy as np

from drive.jit import kernel

POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8


def _table() -> np.ndarray:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(POLYNOMIAL), values >> 1).astype(np.uint32)
    return values


TABLE = _table()


@kernel
def _crc32c(data, table):  # type: ignore[no-untyped-def]
    """The checksum of bytes uint8 [N], with the table of `_table`."""
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


def crc32c_readable(data: bytes) -> int:
    """As `crc32c`, byte by byte: what the kernel is compared with, and fast enough for some bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = int(TABLE[(crc ^ byte) & 0xFF]) ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of bytes."""
    return int(_crc32c(np.frombuffer(data, dtype=np.uint8), TABLE))


def masked(crc: int) -> int:
    """A checksum as tfrecord files store it: turned right by 15 bits, with a constant added."""
    return (((crc >> 15) | (crc << 17)) + MASK) & 0xFFFFFFFF
