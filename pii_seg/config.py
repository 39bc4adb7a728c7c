"""All that can be configured in a training, checked as it is made; without Lightning, so that `--help` is quick."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pii_seg.data.augmentation import Augmentation
from pii_seg.errors import ConfigError

log = logging.getLogger(__name__)

Folders = tuple[str, ...]

PLAIN = "plain"  # `encoder` of the narrow U-Net, which has no timm encoder
LIGHT_DECODERS = ("lraspp", "ladder")
SMP_DECODERS = ("unet", "fpn", "linknet", "deeplabv3plus", "segformer", "upernet")
DECODERS = (*LIGHT_DECODERS, *SMP_DECODERS)
PROGRESS_STYLES = ("auto", "bar", "plain", "none")


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how much of each."""

    synthetic: Folders = ()
    """Rendered pairs."""
    labelled: Folders = ()
    """Photographs with masks."""
    validation: Folders = ()
    """What is measured on, and never trained on."""
    negatives: Folders = ()
    """Photographs that show nobody."""
    backgrounds: Folders = ()
    """The same, onto which persons of the renders are pasted."""
    pseudo: Folders = ()
    """Photographs with a teacher's labels (docs/train.md)."""
    repainted: Folders = ()
    """The same, whose persons diffusion_synth has repainted."""
    synthetic_weight: float = 1.0
    """Share of the training views, against the other weights."""
    labelled_weight: float = 0.5
    """Likewise."""
    negatives_weight: float = 0.5
    """Likewise."""
    backgrounds_weight: float = 1.0
    """Likewise."""
    pseudo_weight: float = 1.0
    """Likewise."""
    repainted_weight: float = 0.5
    """How often a repainted photograph is shown, against one with a teacher's labels (their share, without these)."""
    pseudo_share: float = 1.0
    """Of the pseudo-labelled photographs, the most reliable share is learnt from."""
    paste: float = 0.9
    """How often persons are pasted onto a background."""
    held_out: float = 0.1
    """Share of the labelled photographs (of the renders when there are none) to measure on without --validation."""
    validation_limit: int = 128
    """At most so many pictures are looked at in each validation."""
    size: int = 224
    """Side of the training views, px."""
    batch_size: int = 8
    """Views in a step, on each device."""
    strict: bool = False
    """A picture that cannot be used is an error rather than left out."""

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ConfigError(f"data.held_out is {self.held_out}; it must be between 0 and 1")
        if not 0 < self.pseudo_share <= 1:
            raise ConfigError(
                f"data.pseudo_share is {self.pseudo_share}; it must be above 0 and at most 1"
            )
        if self.validation_limit < 1:
            raise ConfigError(
                f"data.validation_limit is {self.validation_limit}; it must be at least 1"
            )


@dataclass(frozen=True)
class ModelConfig:
    """What the network is made of."""

    encoder: str = "tf_efficientnet_lite0"
    """Any timm model, or "plain": a narrow U-Net of dense convolutions, the fastest learner from scratch."""
    decoder: str = "ladder"
    """ladder or lraspp (light), or unet, fpn, linknet, deeplabv3plus, segformer, upernet."""
    width: int = 64
    """Channels of the decoder; of the plain U-Net's first level."""
    weights: str = "auto"
    """Of the encoder. auto: an installed package's, else the hub's, else none, and says which; none; hub; or a file."""
    scale: float = 1.0
    """The network works at this share of the picture's resolution, 0..1."""

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise ConfigError(f"model.scale is {self.scale}; it must be above 0 and at most 1")
        if self.width < 1 or self.width % 4:
            raise ConfigError(f"model.width is {self.width}; it must be a positive multiple of 4")
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
    """AdamW with a linear warm-up and a cosine to zero over the run's budget, and an average of the weights."""

    learning_rate: float = 2e-3
    """Of the decoder, and of everything when there are no pre-trained weights."""
    encoder_share: float = 0.3
    """What has learnt already, an encoder or all of an earlier training, learns at this share of it."""
    weight_decay: float = 0.01
    """Of all but biases and norms."""
    warmup: float = 0.05
    """Share of the budget."""
    gradient_norm: float = 5.0
    """Longer gradients are shortened to it."""
    ema: float = 0.995
    """Decay per step of the moving average of the weights, which is what is validated and kept."""
    dice: float = 1.0
    """Weight of the Dice loss beside cross-entropy."""
    label_smoothing: float = 0.0
    """Of the cross-entropy."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "encoder_share", "gradient_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"optimiser.{name} is {getattr(self, name)}; it must be above 0")
        for name in ("weight_decay", "warmup", "ema", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"optimiser.{name} is {getattr(self, name)}; it must be within 0..1, and not 1"
                )
        if self.dice < 0:
            raise ConfigError(f"optimiser.dice is {self.dice}; it must not be negative")


@dataclass(frozen=True)
class BudgetConfig:
    """How long, and how often to look."""

    steps: int = 4000
    """Of the optimiser."""
    minutes: float = 0.0
    """Wall-clock time, validations included; it wins over steps when above 0."""
    validate_every: int = 250
    """Steps."""
    patience: int = 0
    """Validations without a better IoU until the run ends early; 0: never."""
    seed: int = 0
    """Of weights, order, augmentation and dropout."""

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("validate_every", 1), ("patience", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"budget.{name} is {getattr(self, name)}; it must be at least {least}"
                )
        if not 0 <= self.minutes < math.inf:
            raise ConfigError(f"budget.minutes is {self.minutes}; it must not be negative")


@dataclass(frozen=True)
class MachineConfig:
    """What it runs on: no part of the experiment, so a run may be resumed with other values."""

    device: str = "auto"
    """auto, or an accelerator of Lightning's: cpu, cuda, mps."""
    devices: int = 1
    """How many on each node; the batch size is for each."""
    nodes: int = 1
    """Machines."""
    strategy: str = "auto"
    """Lightning's, such as ddp."""
    precision: str = "auto"
    """auto, bf16 or float32; auto takes bfloat16 where the machine computes in it."""
    compile: bool = False
    """torch.compile the network: minutes of warm-up, and no gain on a CPU."""
    workers: int = 1
    """Loading processes."""
    threads: int = 0
    """Of the CPU; 0: torch's own choice."""
    memory_mb: int = 1000
    """MB of decoded pictures to keep."""
    progress: str = "auto"
    """auto, bar, plain or none."""

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "float32"):
            raise ConfigError(
                f"machine.precision is {self.precision!r}; it must be auto, bf16 or float32"
            )
        if self.progress not in PROGRESS_STYLES:
            raise ConfigError(
                f"machine.progress is {self.progress!r}; it must be one of {', '.join(PROGRESS_STYLES)}"
            )
        for name, least in (
            ("devices", 1),
            ("nodes", 1),
            ("workers", 0),
            ("threads", 0),
            ("memory_mb", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"machine.{name} is {getattr(self, name)}; it must be at least {least}"
                )


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a training, and `machine`, which only decides how fast it is."""

    data: DataConfig
    start_from: str = ""
    """A checkpoint whose weights the training begins with; its encoder and decoder must be those of `model`."""
    model: ModelConfig = field(default_factory=ModelConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)

    def decisive(self) -> dict[str, Any]:
        """What a resumed run must share with its beginning."""
        whole = plain(self)
        del whole["machine"]
        return whole


def plain(config: Any) -> dict[str, Any]:
    """A configuration as TOML and JSON know it: dicts, lists, numbers and words."""

    def simple(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: simple(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [simple(entry) for entry in value]
        return str(value) if isinstance(value, Path) else value

    return simple(dataclasses.asdict(config))


def check_removed_online(values: Mapping[str, Any], where: str) -> None:
    """Accept the `[online]` section of an older configuration if it was switched off, with a note in the log.

    Raises:
        ConfigError: The section was switched on: no training can be resumed or repeated with it.
    """
    section = values.get("online")
    if not section:
        return
    if not isinstance(section, Mapping) or section.get("enabled"):
        raise ConfigError(
            f"{where}: online labelling was removed (docs/decisions.md); delete the [online] section"
        )
    log.info("%s: ignored the [online] section, which was off: online labelling was removed", where)
