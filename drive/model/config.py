"""What a network is made of. Every value is in the checkpoint's config.json; nothing else decides its shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drive.limits import HUGE, TINY, within
from drive.schema import Window
from drive.tasks import DEFAULT_REQUESTS, canonical, chains, declared
from drive.tokens.vocab import Grid, IdRange, Vocabulary

# Weights of the transformer; more than this is a slip of the keyboard here.
MOST_WEIGHTS = 20_000_000_000
EGO_MLP: Literal["ego-mlp"] = "ego-mlp"
Geometry = Literal["none", "intrinsics", "rays", "both", "relative"]


@dataclass(frozen=True)
class Inputs:
    """What the planner is given. Each can be left out; the vision-only planner has only cameras.

    cameras: names to use, empty = all there are; earlier: those of frames before t0, empty = the same. history: past ego poses.
    dynamics: speed, acceleration, yaw rate; rates: the latter two, without which dynamics is the speed alone. command: route command.
    motion: how the car moved between frames, and between a camera's own time and its frame's (without it, rays start where the camera
    is mounted: their moments would tell the speed). frames_apart: a frame attends to no other and is not told its place, so that a
    window of frames slides for ever (`drive.model.ring`); motion then stands behind the frames. others: names of further sensors
    (`drive.model.sensors`).
    """

    cameras: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    history: bool = True
    dynamics: bool = True
    rates: bool = True
    command: bool = True
    motion: bool = True
    frames_apart: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class CameraConfig:
    """backbone: any timm name with feature maps; pretrained: a run starts from timm's own weights of it, weights: from a safetensors file
    of them, or from the backbone of a checkpoint or shipped planner; stride: its feature map to use; width, height: size images are read
    at. Those of another shape are read at their own, with about as many patches; stretch: at width x height all the same.

    summary: tokens a picture is summed up in by two matrices over all its patches; 0 = every patch is a token. A summary is
    learned in fewer steps and costs less, for rigs that stay as they are. peaks: tokens besides, each number of which is the largest over
    all patches: what is small and may be anywhere, such as a lamp, is found in far fewer steps. glance: one more, made of all the tokens of
    a summary and peaks by one matrix, which training can hold to the first word of answers (`objective.glance`). things, lanes:
    tokens of a frame, for all its pictures together, that hold one thing or one lane each (`drive.model.slots`), which training can hold to
    the truth (`objective.slots`).

    geometry: what patches are told of their cameras: Pluecker rays, intrinsics, both, or nothing; relative: nothing but, in the layers
    of mixing, how cameras stand to one another. mixing: layers in which all patches of a frame attend to one another before the
    transformer (`drive.model.mixing`).
    """

    backbone: str = "mobilenetv4_conv_small"
    pretrained: bool = False
    weights: str | None = None
    stride: int = 32
    width: int = 224
    height: int = 128
    stretch: bool = False
    summary: int = 0
    peaks: int = 0
    glance: bool = False
    things: int = 0
    lanes: int = 0
    geometry: Geometry = "both"
    mixing: int = 0

    def __post_init__(self) -> None:
        within(self, stride=(1, 256), width=(1, 8192), height=(1, 8192), summary=(0, 4096), peaks=(0, 256), things=(0, 256), lanes=(0, 256))
        within(self, mixing=(0, 64))
        if self.glance and not self.summary:
            raise ValueError("camera.glance reads the tokens of a summary; set camera.summary above 0")
        if self.mixing and (self.summary or self.peaks or self.things or self.lanes):
            raise ValueError("camera.mixing is among patches; set camera.summary, peaks, things and lanes to 0")
        if self.geometry == "relative" and not self.mixing:
            raise ValueError("camera.geometry relative is told in the layers of camera.mixing; set that above 0")
        if self.things and not self.told_rays:
            raise ValueError(f"camera.things are placed along rays, which camera.geometry {self.geometry} hides; set things to 0")

    @property
    def told_rays(self) -> bool:
        """Whether patches are told their Pluecker rays."""
        return self.geometry in ("rays", "both")

    @property
    def told_intrinsics(self) -> bool:
        """Whether patches are told their camera's intrinsics."""
        return self.geometry in ("intrinsics", "both")

    @property
    def rows(self) -> int:
        """Rows of patches of a picture of the configured size."""
        return self.height // self.stride

    @property
    def columns(self) -> int:
        """Columns of patches of a picture of the configured size."""
        return self.width // self.stride


@dataclass(frozen=True)
class RopeScaling:
    """Llama 3's stretching of long waves of the rotary embedding (`rope_type: llama3`), under its names. original: positions that it was
    trained on before."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original: int

    def __post_init__(self) -> None:
        within(self, factor=(TINY, HUGE), low_freq_factor=(TINY, HUGE), high_freq_factor=(TINY, HUGE), original=(1, 10**9))
        if not self.low_freq_factor < self.high_freq_factor:
            raise ValueError(f"low_freq_factor must be below high_freq_factor, got {self}")


@dataclass(frozen=True)
class TransformerConfig:
    """Names and meanings as in the Llama and Qwen3 families; qk_norm is Qwen3's, qkv_bias Qwen2.5's."""

    width: int = 192
    depth: int = 4
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    mlp_width: int = 512
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    qk_norm: bool = True
    qkv_bias: bool = False
    rope_scaling: RopeScaling | None = None

    def __post_init__(self) -> None:
        within(self, width=(1, 65_536), depth=(1, 512), heads=(1, 1024), kv_heads=(1, 1024), head_dim=(2, 4096), mlp_width=(1, 1_000_000))
        within(self, rope_theta=(TINY, HUGE), norm_eps=(0, 1))
        if self.heads % self.kv_heads or self.head_dim % 2:
            raise ValueError(f"heads must be a multiple of kv_heads and head_dim even, got {self}")
        if self.weights > MOST_WEIGHTS:
            raise ValueError(f"{self} has {self.weights:,} weights, at most {MOST_WEIGHTS:,}; take a smaller depth or width")

    @property
    def weights(self) -> int:
        """Numbers in the matrices of all layers."""
        attention = self.width * self.head_dim * 2 * (self.heads + self.kv_heads)
        return self.depth * (attention + 3 * self.width * self.mlp_width)


@dataclass(frozen=True)
class Language:
    """The vocabulary of a language model, a range of ids among ours. tied: its logits come from the embeddings, not from rows of their
    own."""

    tokens: int
    tied: bool = True


LANGUAGE = "language"  # the range's name


@dataclass(frozen=True)
class ModelConfig:
    """A whole network. requests: the single requests it is trained to answer. plan_request: how its plan is asked for where nobody says
    otherwise, such as see>decide>plan; "" = the first plan of its requests, alone. numbers: grids of number tokens that differ from those
    that its tasks declare, by name. init_from: folder of a language model (config.json, model*.safetensors) that a run starts from;
    `transformer` and `language` are then the folder's (`drive.train.language`).

    vocabulary: which ids stand for what. What requests need is put behind what is there, so that a checkpoint, which stores it,
    keeps its ids when tasks are added. Raises ValueError for a request that this version does not know.
    """

    requests: tuple[str, ...] = DEFAULT_REQUESTS
    window: Window = field(default_factory=Window)
    inputs: Inputs = field(default_factory=Inputs)
    camera: CameraConfig = field(default_factory=CameraConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    numbers: dict[str, Grid] = field(default_factory=dict)
    plan_request: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    init_from: str | None = None
    language: Language | None = None

    def __post_init__(self) -> None:
        if not self.requests:
            raise ValueError("a network needs at least one request to answer, such as plan")
        requests = tuple(canonical(request) for request in self.requests)
        if len(set(requests)) < len(requests):
            raise ValueError(f"requests must be given once each, got {list(self.requests)}")
        object.__setattr__(self, "requests", requests)
        links = [link.name for chain in chains(self.plan_request) for link in chain] if self.plan_request else []
        if unknown := [name for name in links if name not in requests]:
            raise ValueError(f"plan_request {self.plan_request!r} asks for {unknown[0]}; requests are {', '.join(requests)}; add it there")
        if self.camera.mixing and self.transformer.head_dim % 8:
            raise ValueError(f"camera.mixing needs a transformer.head_dim that is a multiple of 8, got {self.transformer.head_dim}")
        parts = [*declared(requests, self.numbers), *([IdRange(LANGUAGE, self.language.tokens)] if self.language else [])]
        object.__setattr__(self, "vocabulary", self.vocabulary.extended(parts, requests))

    @property
    def untied(self) -> str | None:
        """The range of ids that has rows of its own for logits, where one has."""
        return LANGUAGE if self.language and not self.language.tied else None

    @property
    def least_numbers(self) -> int:
        """Numbers in the transformer's matrices and the table of tokens: a network has more."""
        words = sum(part.size for part in self.vocabulary.allotted if part.grid is None)
        rows = self.language.tokens if self.language and self.untied else 0
        return self.transformer.weights + (words + rows) * self.transformer.width


@dataclass(frozen=True)
class EgoMlpConfig:
    """kind tells its checkpoints from those of the driving network."""

    kind: Literal["ego-mlp"] = EGO_MLP
    window: Window = field(default_factory=Window)
    width: int = 256
    depth: int = 3

    def __post_init__(self) -> None:
        within(self, width=(1, 65_536), depth=(1, 512))
