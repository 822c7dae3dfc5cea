"""Compiles what writes answers on a CPU (`drive.decode.alone`): `make setup` does, so that the first plan need not."""

from __future__ import annotations

import numpy as np

from drive.decode.alone_kernel import StackedWeights, write


def compile_answers() -> None:
    """The kernel for a network of one layer with one head, in a grammar of one token."""
    shapes = ((2, 2), (1, 3, 6), (1, 2, 3), (1, 3, 4), (1, 2, 3), (1, 1, 2, 2), (1, 1, 2, 2), (3, 2))
    weights = StackedWeights._make(np.zeros(shape, np.float32) for shape in shapes)
    table, used = np.array([[0], [1]]), np.arange(2)
    prefix = np.zeros((1, 1, 2, 1), np.float32), np.zeros((1, 1, 1, 2), np.float32)
    edges, tokens, told = (table, table + 1, 1 - table, table, table + 1, used), np.zeros(1, np.int64), np.zeros(1, np.float32)
    write(weights, 1.0, 1.0, prefix, edges, (0, 0, 1, 1), tokens, told)


if __name__ == "__main__":
    compile_answers()
