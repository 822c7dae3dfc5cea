"""How often answers would not parse without the grammar: greedy and drawn tokens of a network, decoded freely.

    python -m tools.free_decoding data/mini --planner first-drive --limit 50
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from drive.decode.answer import drawn
from drive.model.inputs import collate, prepare
from drive.model.network import Cache, DrivingNetwork
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.schema import DecodeError, Observation
from drive.tasks import make_task
from drive.tasks.base import Task
from drive.tasks.chain import opening
from drive.tokens.vocab import END
from tools.wordings import opened

QUESTION = "how far is the car ahead?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--planner", default="first-drive")
    parser.add_argument("--limit", type=int, default=50)
    args = parser.parse_args()
    planner = load_planner(args.planner)
    if not isinstance(planner, NetworkPlanner):
        raise SystemExit(f"{args.planner} is no network")
    trained = planner.network
    torch.manual_seed(0)
    random = DrivingNetwork(trained.config).eval()
    dataset = opened(args.data, args.limit, planner)
    observations = [sample.observation for sample in dataset]
    for name, network in ((args.planner, trained), ("random weights", random)):
        for request in network.config.requests:
            task = make_task(request, network.config.vocabulary, network.config.window)
            for how, greedy in (("greedy", True), ("drawn", False)):
                wrong = invalid(network, task, observations, greedy)
                print(f"{name}, {request}, {how}: {wrong} of {len(observations)} invalid ({100 * wrong / len(observations):.1f} %)")


@torch.inference_mode()
def invalid(network: DrivingNetwork, task: Task, observations: Sequence[Observation], greedy: bool) -> int:
    """How many free answers the task cannot read."""
    wrong = 0
    given = opening(task, QUESTION if task.prompted else "")
    for number, observation in enumerate(observations):
        cache = network.prefix(collate([prepare(observation, network.config)]))
        ids = freely(network, cache, given.tolist(), task.grammar.max_length, greedy, number)
        try:
            task.decode(ids, observation)
        except (DecodeError, ValueError):  # ids of other ranges are refused as bad values
            wrong += 1
    return wrong


def freely(network: DrivingNetwork, cache: Cache, given: list[int], longest: int, greedy: bool, seed: int) -> list[int]:
    """Tokens up to END, any of the vocabulary at each place, at most as many as the longest answer has."""
    generator, ids, going_in = torch.Generator().manual_seed(seed), list[int](), torch.tensor([[given]])
    while len(ids) < longest and (not ids or ids[-1] != END):
        logits, cache = network.extend(cache, going_in)
        scores = logits[:, :, -1].log_softmax(-1)
        token = scores.argmax(-1) if greedy else drawn(scores, 1.0, generator)[1]
        ids.append(int(token))
        going_in = token[..., None]
    return ids


if __name__ == "__main__":
    main()
