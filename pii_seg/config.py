"""Every configuration of a training, validated when it is made.

The module imports neither torch nor Lightning, so that `--help` is quick. Field docstrings are the
help texts of `python -m pii_seg.train`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.config_history import ADDED_LATER
from pii_seg.errors import ConfigError
from pii_seg.number_checks import LARGEST, check_numbers, require

Folders = tuple[str, ...]

PLAIN = "plain"  # `encoder` of the narrow U-Net, which has no timm encoder
LIGHT_DECODERS = ("lraspp", "ladder")
SMP_DECODERS = ("unet", "fpn", "linknet", "deeplabv3plus", "segformer", "upernet")
DECODERS = (*LIGHT_DECODERS, *SMP_DECODERS)
NAMED_WEIGHTS = ("auto", "none", "hub")  # values of `weights` that are no file
PROGRESS_STYLES = ("auto", "bar", "plain", "none")


@dataclass(frozen=True)
class DataConfig:
    """Data of a training, and how much of each kind it uses."""

    synthetic: Folders = field(default=(), metadata={"role": "rendered pairs to train on"})
    labelled: Folders = field(default=(), metadata={"role": "photos with masks to train on"})
    validation: Folders = field(
        default=(),
        metadata={"role": "photos with masks to validate on (default: hold out training data)"},
    )
    negatives: Folders = field(default=(), metadata={"role": "photos without people, to train on"})
    backgrounds: Folders = field(
        default=(), metadata={"role": "photos without people, onto which people are pasted"}
    )
    distractors: Folders = field(
        default=(),
        metadata={"role": "pairs whose masks mark things, animals say, to paste as no persons"},
    )
    pseudo: Folders = field(
        default=(), metadata={"role": "photos with a teacher's labels, such as RUN/pseudo-1"}
    )
    repainted: Folders = field(
        default=(), metadata={"role": "photos with repainted people, such as RUN/diffusion-1"}
    )
    synthetic_weight: float = 1.0
    """Sampling weight of the rendered pairs, relative to the other sources."""
    labelled_weight: float = 0.5
    """Sampling weight of the labelled photos, relative to the other sources."""
    negatives_weight: float = 0.5
    """Sampling weight of the photos without people, relative to the other sources."""
    backgrounds_weight: float = 1.0
    """Sampling weight of the photos onto which people are pasted, relative to the other sources."""
    pseudo_weight: float = 1.0
    """Sampling weight of the pseudo-labelled photos, relative to the other sources."""
    repainted_weight: float = 0.5
    """Sampling weight of one repainted photo, relative to one pseudo-labelled photo; without
    pseudo-labelled photos it is relative to the other sources."""
    pseudo_share: float = 1.0
    """Fraction of the pseudo-labelled photos to train on, most reliable first."""
    paste: float = 0.9
    """Probability that people are pasted onto a background."""
    held_out: float = 0.1
    """Fraction of the labelled photos (of the renders if there are none) to hold out without
    --validation."""
    validation_limit: int = 128
    """Validate on at most this number of images."""
    size: int = 224
    """Side of the training views in px."""
    batch_size: int = 8
    """Number of views to train on in each step, per device."""
    mask_code: str = "auto"
    """Read masks this way: auto, nonzero, alpha (opaque), inverted (black), white (255), classes
    (1), ids (a number each) or soft (from half on)."""
    person_class: tuple[str, ...] = ()
    """Classes of labels that are persons: numbers, colours (#c08080) or names."""
    strict: bool = False
    """Stop at an image that cannot be used, instead of leaving it out."""

    def __post_init__(self) -> None:
        names = [entry.name for entry in dataclasses.fields(self)]
        weights = {name: (0, 1e6) for name in names if name.endswith("_weight")}
        sizes = {"size": (8, 8192), "batch_size": (1, 65536), "paste": (0, 1)}
        check_numbers(self, "data", {**weights, **sizes})
        require(0 < self.held_out < 1, self, "data.held_out", "must be between 0 and 1")
        share = 0 < self.pseudo_share <= 1
        require(share, self, "data.pseudo_share", "must be above 0 and at most 1")
        require(self.validation_limit >= 1, self, "data.validation_limit", "must be at least 1")


DATA_ROLES: dict[str, str] = {
    entry.name: entry.metadata["role"]
    for entry in dataclasses.fields(DataConfig)
    if "role" in entry.metadata
}
"""The roles that data can play, each with its help text: the only list of them."""
SELF_TRAINED_ROLES = ("pseudo", "repainted")  # self-training fills these itself
GIVEN_ROLES = tuple(role for role in DATA_ROLES if role not in SELF_TRAINED_ROLES)


@dataclass(frozen=True)
class ModelConfig:
    """Architecture of the network."""

    encoder: str = "tf_efficientnet_lite0"
    """Any timm model, or "plain": a narrow U-Net of dense convolutions, the fastest to train
    from scratch."""
    decoder: str = "ladder"
    """Use this decoder: ladder or lraspp (light), or unet, fpn, linknet, deeplabv3plus, segformer,
    upernet."""
    width: int = 64
    """Number of channels to use in the decoder; of the plain U-Net's first level."""
    weights: str = "auto"
    """Pre-trained weights of the encoder: auto (an installed package, else the hub, else none),
    none, hub, or a file."""
    scale: float = 1.0
    """Resolution at which the network works, relative to the image, 0..1."""

    def __post_init__(self) -> None:
        check_numbers(self, "model", {"width": (4, 65536)})
        require(0 < self.scale <= 1, self, "model.scale", "must be above 0 and at most 1")
        fits = self.width >= 1 and self.width % 4 == 0
        require(fits, self, "model.width", "must be a positive multiple of 4")
        if self.encoder == PLAIN:
            return
        if self.decoder not in DECODERS:
            known = ", ".join(DECODERS)
            raise ConfigError(f"model.decoder is {self.decoder!r}; it must be one of {known}")


SIZES: dict[str, ModelConfig] = {
    "tiny": ModelConfig(encoder=PLAIN, width=8),
    "small": ModelConfig(),
    "strong": ModelConfig(
        encoder="tf_efficientnetv2_m.in21k_ft_in1k", decoder="upernet", width=256
    ),
}


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with linear warm-up, cosine decay to zero, and a moving average of the weights."""

    learning_rate: float = 2e-3
    """Learning rate of the decoder, and of all weights that are not pre-trained."""
    encoder_share: float = 0.3
    """Learning rate of pre-trained weights, relative to learning_rate; 0 freezes them."""
    encoder_norms: bool = True
    """Whether norms of a pre-trained encoder adapt to the data, or keep their statistics."""
    weight_decay: float = 0.01
    """Weight decay of all parameters but biases and norms."""
    warmup: float = 0.05
    """Warm-up as a fraction of the budget."""
    gradient_norm: float = 5.0
    """Maximum norm of the gradient; longer ones are clipped."""
    ema: float = 0.995
    """Decay per step of the moving average of the weights, which is validated and saved."""
    dice: float = 1.0
    """Weight of the Dice loss, relative to cross-entropy."""
    label_smoothing: float = 0.0
    """Label smoothing of the cross-entropy."""
    head_weight: float = 1.0
    """Weight of heads' pixels in the cross-entropy, where data know them (pass parts, heads/)."""
    boundary_weight: float = 1.0
    """Weight of the pixels up to 3 px from an outline in the cross-entropy, relative to others."""
    small_weight: float = 1.0
    """Largest weight of a small person's pixels; it falls with its side, to 1 at 48 px."""

    def __post_init__(self) -> None:
        check_numbers(self, "optimiser", {"learning_rate": (0, 1000)})
        require(self.encoder_share >= 0, self, "optimiser.encoder_share", "must not be negative")
        for name in ("learning_rate", "gradient_norm"):
            require(getattr(self, name) > 0, self, f"optimiser.{name}", "must be above 0")
        for name in ("weight_decay", "warmup", "ema", "label_smoothing"):
            require(0 <= getattr(self, name) < 1, self, f"optimiser.{name}", "must be 0..1, not 1")
        require(self.dice >= 0, self, "optimiser.dice", "must not be negative")
        for name in ("head_weight", "boundary_weight", "small_weight"):
            require(1 <= getattr(self, name) <= 100, self, f"optimiser.{name}", "must be 1..100")


@dataclass(frozen=True)
class BudgetConfig:
    """Length of the training and how often it validates."""

    steps: int = 4000
    """Number of optimiser steps to train for."""
    minutes: float = 0.0
    """Wall-clock time in minutes, including validation; replaces steps when above 0."""
    validate_every: int = 250
    """Validate every this number of steps."""
    patience: int = 0
    """Validations without a better IoU after which the training ends early; 0: never."""
    seed: int = 0
    """Seed of weights, order, augmentation and dropout."""

    def __post_init__(self) -> None:
        least = {"steps": 1, "validate_every": 1, "patience": 0, "minutes": 0}
        limits = {name: (low, LARGEST) for name, low in least.items()}
        check_numbers(self, "budget", {**limits, "seed": (0, 2**63 - 1)})


@dataclass(frozen=True)
class MachineConfig:
    """Hardware and speed. Not part of the experiment: a run may be resumed with other values."""

    device: str = "auto"
    """Train on auto, or an accelerator of Lightning: cpu, cuda, mps."""
    devices: int = 1
    """Devices per node; batch_size is per device."""
    nodes: int = 1
    """Number of machines to train on."""
    strategy: str = "auto"
    """Use this Lightning strategy, such as ddp."""
    precision: str = "auto"
    """Compute in auto, bf16 or float32; auto uses bfloat16 where the hardware supports it."""
    compile: bool = False
    """Compile the network with torch.compile, which takes minutes at the start and gains nothing on
    a CPU."""
    workers: int = 1
    """Number of processes to load data with."""
    threads: int = 0
    """Number of CPU threads to use; 0 keeps torch's own choice."""
    memory_mb: int = 1000
    """Decoded images to keep in memory, in MB."""
    progress: str = "auto"
    """Show progress as auto, bar, plain or none."""

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "float32"):
            known = "auto, bf16 or float32"
            raise ConfigError(f"machine.precision is {self.precision!r}; it must be {known}")
        if self.progress not in PROGRESS_STYLES:
            known = ", ".join(PROGRESS_STYLES)
            raise ConfigError(f"machine.progress is {self.progress!r}; it must be one of {known}")
        processes = {"devices": (1, 1024), "nodes": (1, 65536), "workers": (0, 1024)}
        check_numbers(self, "machine", {**processes, "threads": (0, 4096), "memory_mb": (0, 1e8)})


@dataclass(frozen=True)
class TrainConfig:
    """Everything that determines a training, and `machine`, which only determines its speed."""

    data: DataConfig
    start_from: str = ""
    """A checkpoint whose weights the training starts from; its encoder and decoder must be
    those of `model`."""
    model: ModelConfig = field(default_factory=ModelConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)

    def decisive(self) -> dict[str, Any]:
        """Return the values that a resumed run must share with its beginning."""
        whole = to_plain_data(self)
        del whole["machine"]
        for section, values in ADDED_LATER.items():
            for key, default in values.items():
                if whole[section][key] == default:
                    del whole[section][key]
        return whole


def to_plain_data(config: Any) -> dict[str, Any]:
    """Convert a configuration to the types of TOML and JSON: dicts, lists, numbers and strings."""

    def simple(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: simple(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [simple(entry) for entry in value]
        return str(value) if isinstance(value, Path) else value

    return simple(dataclasses.asdict(config))
