"""`drive bench decode`: our engine beside `generate` of `transformers`, with the same random weights and the same causal prefix."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive.decode.engine import Engine
from drive.decode.graph import GraphEngine
from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import CameraConfig, ModelConfig, TransformerConfig
from drive.model.network import Cache, DrivingNetwork
from drive.tokens.expression import ids, repeat
from drive.tokens.grammar import compile_grammar
from drive.tokens.sequence import SPAN_POSITION
from drive.tokens.vocab import END

SHAPE = TransformerConfig(width=512, depth=10, heads=8, kv_heads=2, head_dim=64, mlp_width=1536)
PREFIX, TOKENS, SAMPLES = 500, 24, 16


@dataclass(frozen=True)
class DecodeBench:
    """CPU milliseconds of one thread, least of several runs taken in turn: ours and theirs by what was run. extra_mb: memory that K
    samples take beyond one, None where the system does not tell. same: whether the greedy tokens agree. weights: theirs."""

    weights: int
    ours_ms: dict[str, float]
    theirs_ms: dict[str, float]
    extra_mb: tuple[float, float] | None
    same: bool

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        sides = {"drive": self.ours_ms, "transformers": self.theirs_ms}
        rows = [{"planner": who, "metric": what, "value": ms, "unit": "ms"} for who, side in sides.items() for what, ms in side.items()]
        rows += [{"planner": who, "metric": f"extra memory K={SAMPLES}", "value": mb, "unit": "MB"} for who, mb in self._memory]
        return [*rows, {"planner": "drive", "metric": "same_tokens", "value": float(self.same), "unit": ""}]

    @property
    def _memory(self) -> list[tuple[str, float]]:
        return list(zip(("drive", "transformers"), self.extra_mb, strict=True)) if self.extra_mb else []

    def __str__(self) -> str:
        title = f"{self.weights / 1e6:.0f}M random weights, a prefix of {PREFIX} tokens, {TOKENS} new ones; one thread, CPU time"
        lines = [title, f"  {'':<22}{'drive':>10}{'transformers':>16}"]
        for what, ms in self.ours_ms.items():
            lines.append(f"  {what:<22}{ms:7.1f} ms{self.theirs_ms[what]:13.1f} ms{self.theirs_ms[what] / ms:7.2f}x")
        if self.extra_mb:
            ours, theirs = self.extra_mb
            lines.append(f"  {f'K={SAMPLES}, extra memory':<22}{ours:7.1f} MB{theirs:13.1f} MB{100 * ours / theirs:6.0f} %")
        return "\n".join([*lines, f"  greedy tokens are {'the same' if self.same else 'DIFFERENT'}", gpu_line()])


def bench_decode(repeats: int = 5, shape: TransformerConfig = SHAPE) -> DecodeBench:
    """Both sides in turn, `repeats` times. Raises ValueError where `transformers` is not installed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ours = Ours(shape)
        theirs = Theirs(ours)
        with torch.inference_mode():
            same = ours.greedy() == theirs.greedy()
            least = _least({**ours.work("ours"), **theirs.work("theirs")}, repeats)
            extra = [_extra_mb(side.whole) for side in (ours, theirs)]
    finally:
        torch.set_num_threads(threads)
    found = [{what: ms for (side, what), ms in least.items() if side == name} for name in ("ours", "theirs")]
    weights = sum(p.numel() for p in theirs.model.parameters())
    return DecodeBench(weights, found[0], found[1], None if None in extra else (extra[0], extra[1]), same)  # type: ignore[arg-type]


class Ours:
    """A network with random weights, a prefix of `PREFIX` ids that see those before them, and a grammar of `TOKENS` ids of any kind.
    Prefix positions end where spans begin, so that distances are those of one long text."""

    def __init__(self, shape: TransformerConfig) -> None:
        torch.manual_seed(0)
        camera = CameraConfig(backbone="mobilenetv4_conv_small_035", width=64, height=32, stride=16)
        self.network = DrivingNetwork(replace(ModelConfig(), camera=camera, transformer=shape)).eval()
        with torch.no_grad():
            for parameter in self.network.transformer.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(2)  # or all tokens would be alike
        self.size = self.network.config.vocabulary.size
        self.request = self.network.config.vocabulary.request_id(self.network.config.requests[0])
        self.ids = torch.randint(END + 1, self.size, (1, PREFIX))
        self.engine, self.cache = Engine(self.network), self.prefix()
        self.tables = self.tables_on("cpu")

    def tables_on(self, device: str) -> GrammarTables:
        """The grammar's tables on a device."""
        return grammar_tables([compile_grammar(repeat(ids(END, self.size), TOKENS, TOKENS))], self.size, device)

    def cache_on(self, device: str) -> Cache:
        """The prefix on a device."""
        c = self.cache
        layers = [(k.to(device), v.to(device)) for k, v in c.layers]
        return Cache(layers, c.block.to(device), c.position.to(device), c.valid.to(device))

    @torch.inference_mode()
    def prefix(self) -> Cache:
        """Keys and values of the prefix."""
        position = torch.arange(PREFIX) - PREFIX + SPAN_POSITION
        causal = torch.ones(PREFIX, PREFIX).tril().bool()[None]
        _, layers = self.network.transformer(self.network.tokens(self.ids), position[None], causal)
        return Cache(layers, torch.zeros(PREFIX, dtype=torch.int64), position, torch.ones(1, PREFIX, dtype=torch.bool))

    def decode(self, samples: int, cache: Cache) -> list[list[int]]:
        """The ids of each sample."""
        generator = torch.Generator().manual_seed(0)
        return [a.ids.tolist() for a in self.engine.decode(cache, [self.request], self.tables, samples, 1.0, generator)[0][0]]

    def greedy(self) -> list[int]:
        """The likeliest ids."""
        return self.decode(1, self.cache)[0][:TOKENS]  # without the END behind them

    def whole(self, samples: int) -> Any:
        """Prefix and answers."""
        return self.decode(samples, self.prefix())

    def work(self, side: str) -> dict[tuple[str, str], Callable[[], Any]]:
        """What is timed."""
        runs = {f"K={k}, over all": lambda k=k: self.whole(k) for k in (1, SAMPLES)}
        runs |= {f"K={k}, decoding": lambda k=k: self.decode(k, self.cache) for k in (1, SAMPLES)}
        return {(side, what): run for what, run in runs.items()}


class Theirs:
    """The same weights in Qwen3 of `transformers`: its `generate`, greedy for one sample, drawing for several."""

    def __init__(self, ours: Ours) -> None:
        try:
            import transformers
        except ImportError as error:
            raise ValueError("drive bench decode compares with transformers, which is not installed: pip install transformers") from error
        c = ours.network.config.transformer
        config = transformers.Qwen3Config(
            vocab_size=ours.size, hidden_size=c.width, num_hidden_layers=c.depth, num_attention_heads=c.heads,
            num_key_value_heads=c.kv_heads, head_dim=c.head_dim, intermediate_size=c.mlp_width, rms_norm_eps=c.norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta}, tie_word_embeddings=False,
        )  # fmt: skip
        self.model: Any = transformers.Qwen3ForCausalLM(config).eval()
        with torch.no_grad():
            table = ours.network.tokens.table()
            weights = {f"model.{name}": tensor for name, tensor in ours.network.transformer.state_dict().items()}
            head = table @ ours.network.head.weight
            self.model.load_state_dict(weights | {"model.embed_tokens.weight": table, "lm_head.weight": head})
        self.ids = torch.cat([ours.ids, torch.tensor([[ours.request]])], 1)
        with torch.inference_mode():
            self.caches = {k: self._prefix(k) for k in (1, SAMPLES)}

    def _prefix(self, samples: int) -> Any:
        cache = self.model(self.ids[:, :-1], use_cache=True).past_key_values
        if samples > 1:
            cache.batch_repeat_interleave(samples)
        return cache

    def _generate(self, ids: Tensor, samples: int, **options: Any) -> Tensor:
        drawing = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0} if samples > 1 else {"do_sample": False}
        mask = torch.ones_like(ids)
        out: Tensor = self.model.generate(
            ids, attention_mask=mask, max_new_tokens=TOKENS, min_new_tokens=TOKENS, eos_token_id=None, pad_token_id=0, **drawing, **options
        )
        return out[:, ids.shape[1] :]

    def greedy(self) -> list[int]:
        """The likeliest ids."""
        return self._generate(self.ids, 1)[0].tolist()  # type: ignore[no-any-return]

    def whole(self, samples: int) -> Any:
        """Prefix and answers: the prefix runs once a sample, as `generate` does it."""
        return self._generate(self.ids, samples, num_return_sequences=samples)

    def decode(self, samples: int) -> Any:
        """Answers behind a cache that was made once and repeated for each sample."""
        cache = self.caches[samples]
        if (longer := cache.get_seq_length() - PREFIX) > 0:  # what the last run has added
            cache.crop(-longer)
        return self._generate(self.ids.repeat(samples, 1), samples, past_key_values=cache)

    def work(self, side: str) -> dict[tuple[str, str], Callable[[], Any]]:
        """What is timed."""
        runs = {f"K={k}, over all": lambda k=k: self.whole(k) for k in (1, SAMPLES)}
        runs |= {f"K={k}, decoding": lambda k=k: self.decode(k) for k in (1, SAMPLES)}
        return {(side, what): run for what, run in runs.items()}


def _least(work: dict[tuple[str, str], Callable[[], Any]], repeats: int) -> dict[tuple[str, str], float]:
    """CPU milliseconds, the two sides' same work one after the other."""
    least = dict.fromkeys(work, float("inf"))
    for _ in range(repeats):
        for what in sorted(work, key=lambda key: key[1]):
            began = time.process_time()
            work[what]()
            least[what] = min(least[what], 1e3 * (time.process_time() - began))
    return least


def _extra_mb(whole: Callable[[int], Any]) -> float | None:
    """How much higher the memory in use rises for several samples than for one (0 where the prefix needs more than they do)."""
    peaks = []
    for samples in (1, SAMPLES):
        whole(samples)
        try:
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            before = _status("VmRSS")
            whole(samples)
            peaks.append(_status("VmHWM") - before)
        except (OSError, AttributeError):
            return None
    return max(0.0, peaks[1] - peaks[0])


def _status(name: str) -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0]) / 1024


def gpu_line(shape: TransformerConfig = SHAPE, runs: int = 200) -> str:
    """Decoding as CUDA graphs (`drive.decode.graph`), where there is a GPU: median and 99th percentile of one and of several samples."""
    if not torch.cuda.is_available():
        return "  on a GPU, as CUDA graphs: not run, no GPU here"
    ours, parts = Ours(shape), []
    graphs, tables = GraphEngine(ours.network.to("cuda")), ours.tables_on("cuda")
    cache = ours.cache_on("cuda")
    for samples in (1, SAMPLES):
        times = []
        for _ in range(runs + 5):
            torch.cuda.synchronize()
            began = time.perf_counter()
            graphs.decode(cache, [ours.request], tables, samples)  # ends with the ids on the host
            times.append(1e3 * (time.perf_counter() - began))
        median, late = np.percentile(times[5:], [50, 99])
        parts.append(f"K={samples} {median:.1f} ms, p99 {late:.1f} ms")
    return f"  on {torch.cuda.get_device_name()}, as CUDA graphs: {'; '.join(parts)}"
