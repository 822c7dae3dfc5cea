"""Right answers from targets: the way ahead, who is on it, who goes first at its junctions."""
