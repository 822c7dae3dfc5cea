"""Words before a planner's name that wrap it: `black:`, `newest:`, `heedful:`, `watchful:`, `own-views:`, and faults
(`drive.watch.corruptions`) such as `blurred-2@10:`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from drive.planners.faulty import faulty
from drive.planners.foreign import AS_THEY_ARE, own_views
from drive.planners.heedful import heedful
from drive.planners.less import black, newest
from drive.planners.watchful import watchful
from drive.watch.corruptions import KINDS

LESS, WATCHFUL = {"black": black, "newest": newest, "heedful": heedful}, "watchful"
# watchful+CAM_FRONT+CAM_BACK: which cameras must be there. blurred-2@10: strength 2, from 10 s of a drive on.
FAULT = re.compile(rf"({'|'.join(KINDS)})-(\d+)(?:@(\d+(?:\.\d+)?))?")


def wrapper_of(name: str) -> tuple[Callable[[Any], Any], str] | None:
    """What wraps the planner of a name, and that planner's own name; None where nothing does."""
    word, colon, rest = name.partition(":")
    if not colon:
        return None
    if word in LESS:
        return LESS[word], rest
    if word == AS_THEY_ARE:
        return own_views, rest
    if word.split("+")[0] == WATCHFUL:
        return partial(watchful, cameras=tuple(filter(None, word.split("+")[1:]))), rest
    if fault := FAULT.fullmatch(word):
        return partial(faulty, kind=fault[1], strength=int(fault[2]), onset_s=float(fault[3] or 0)), rest
    return None
