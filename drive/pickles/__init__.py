"""Pickles that somebody else wrote, read without running anything: `read_pickle` and the names it answers."""

from drive.pickles.unpickle import read_pickle

__all__ = ["read_pickle"]
