"""What the package knows of words from towns: its text model, trained on its own questions, replies and descriptions
(`drive.tokens.text`), and how often each question is asked so that it does not tell its answer (`drive.tasks.questions.balance`).

    python tools/train_text.py --balance          # writes drive/tasks/questions/towns.json anew, and leaves the text model
    python tools/train_text.py --text             # writes drive/tokens/driving.model; the same bytes for the same text

The text: every wording of every question of `drive.tasks.questions`, as written and in small letters, and what is said of moments of
towns driven by lane: the scene's words, and replies. A checkpoint reads and writes pieces of the model it was trained with: after a release
a new model needs another range than `text`.
"""

from __future__ import annotations

import argparse
import io
import string
from collections.abc import Iterable, Iterator

from drive.schema import SceneSample, Window
from drive.tasks.questions import QUESTIONS, Facts, asked
from drive.tasks.questions.balance import TOWNS_FILE, Balance
from drive.tasks.questions.scene import scene_words
from drive.tokens.text import MODEL_FILE, TOKENS
from drive.world.advance import advance
from drive.world.state import BY_LANE, DT_S, STATION
from drive.world.target import sample_of
from drive.world.town.populate import town_world

FIRST_TOWN, TOWNS, EVERY_S, PAST_S = 60_000, 12, 2.0, 2.0


def town_samples(seeds: range, every_s: float = EVERY_S) -> Iterator[SceneSample]:
    """Moments of towns that the ego drives through as traffic would, without pictures."""
    window, every, first = Window(), round(every_s / DT_S), round(PAST_S / DT_S)
    for seed in seeds:
        world = town_world(seed)
        states = [world.start]
        while len(states) < world.time_limit_s / DT_S and not states[-1].ego[STATION] >= world.goal_m:
            states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
        for now in range(first, len(states) - round(window.future_s / DT_S), every):
            yield sample_of(world, states, now, window)


def corpus(samples: Iterable[SceneSample]) -> list[str]:
    """Lines of text, each once."""
    lines = [text for question in QUESTIONS.values() for wording in question.texts for text in (wording, wording.lower())]
    for sample in samples:
        lines.append(scene_words(Facts(sample)))
        lines += [reply.text for _, reply in asked(sample)]
    return list(dict.fromkeys(lines))


def train(lines: list[str]) -> bytes:
    """A byte-pair model (SentencePiece) of TOKENS pieces and "unknown"; a piece for every byte and every printable ASCII character."""
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=TOKENS + 1,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_digits=True,
        character_coverage=1.0,
        required_chars=string.ascii_letters + string.digits + string.punctuation,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        num_threads=1,
        shuffle_input_sentence=False,
        minloglevel=2,
    )
    return model.getvalue()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", action="store_true", help=f"write {MODEL_FILE}: no checkpoint that knows words understands another one")
    parser.add_argument("--balance", action="store_true", help=f"write {TOWNS_FILE}")
    args = parser.parse_args()
    if not args.text and not args.balance:
        parser.error("say what to write: --text, --balance or both")
    samples = list(town_samples(range(FIRST_TOWN, FIRST_TOWN + TOWNS)))
    print(f"{len(samples)} moments of {TOWNS} towns")
    if args.text:
        lines = corpus(samples)
        model = train(lines)
        MODEL_FILE.write_bytes(model)
        print(f"{len(lines)} lines, {sum(map(len, lines))} characters -> {MODEL_FILE}: {len(model)} bytes")
    if args.balance:
        balance = Balance.of(samples)
        balance.save(TOWNS_FILE)
        kept = sum(1 for sample in samples for _ in balance.asked(sample))
        whole = sum(1 for sample in samples for _ in asked(sample))
        print(f"{kept} of {whole} questions kept -> {TOWNS_FILE}")


if __name__ == "__main__":
    main()
