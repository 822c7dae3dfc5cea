"""Why an observation has no plan."""

from __future__ import annotations


class PlanError(ValueError):
    """A planner could not answer this observation. The sample is a failed one, counted with this message."""


class MissingImage(PlanError):
    """An image that a planner asked for is not on disk or does not decode; the message names the file."""


class DecodeError(PlanError):
    """Generated tokens are no answer; the message says which token and why."""
