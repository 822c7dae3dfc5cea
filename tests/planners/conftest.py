"""Planners in other processes end with the test that started them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import drive.planners.remote.planner as remote


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    for planner in remote._started.values():
        planner.close()
    remote._started.clear()
