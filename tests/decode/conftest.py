"""The tiny network of the model's tests."""

from tests.model.conftest import network

__all__ = ["network"]
