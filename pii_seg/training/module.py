"""The steps of training and validation, as a LightningModule; `pii_seg.training.fit` runs them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from torchmetrics import MeanMetric
from torchmetrics.classification import BinaryJaccardIndex

from pii_seg.config import BudgetConfig, OptimiserConfig
from pii_seg.data.sources.sample import IGNORE
from pii_seg.errors import ConfigError
from pii_seg.models.cpu_depthwise import fast_depthwise
from pii_seg.models.losses import SegmentationLoss
from pii_seg.models.segmenter import Segmenter

# What `pii_seg.data.datamodule.collate` returns: "image" uint8 (B, 3, H, W), "target" uint8
# (B, H, W) of {0, 1, 255}, "name" list of B, and perhaps "weight" float32 (B, H, W).
Batch = dict[str, Any]


class Clock:
    """Progress of a run, as a share of its budget in optimiser steps or seconds of wall-clock time.

    Time counts from `start`, on top of what earlier parts of the run took (`carried`): a resumed
    run has no more time than an uninterrupted one.

    Args:
        steps: Budget in optimiser steps; exactly one of `steps` and `seconds` is given.
        seconds: Budget in seconds.
    """

    def __init__(self, *, steps: int | None = None, seconds: float | None = None) -> None:
        if (steps is None) == (seconds is None):
            raise ValueError("expected exactly one of steps and seconds")
        self.steps, self.seconds = steps, seconds
        self.carried = 0.0
        self._started: float | None = None

    def start(self) -> None:
        self._started = time.monotonic()

    @classmethod
    def from_budget(cls, budget: BudgetConfig) -> Clock:
        return cls(seconds=60 * budget.minutes) if budget.minutes else cls(steps=budget.steps)

    @property
    def elapsed(self) -> float:
        """Seconds of the run so far."""
        return self.carried + (0.0 if self._started is None else time.monotonic() - self._started)

    def progress(self, step: int) -> float:
        """Return the share of the budget, 0..1, that is spent after `step` optimiser steps."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, self.elapsed / self.seconds)


class SegmentationModule(lightning.LightningModule):
    """Trains a segmenter, and validates and saves the moving average of its weights.

    Args:
        segmenter: The segmenter to train.
        optimiser: Learning rates, loss and decay of the average.
        clock: Progress of the run, which the learning rate follows.
        seed: Seed of dropout, together with the number of the step: the draws of a step depend on
            nothing before it.
        compiled: Whether to compile the network.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        optimiser: OptimiserConfig,
        clock: Clock,
        *,
        seed: int = 0,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.optimiser = optimiser
        self.freeze_encoder()
        rule = moving_average(optimiser.ema)
        self.averaged = AveragedModel(segmenter, multi_avg_fn=rule, use_buffers=True)
        self.averaged.requires_grad_(False)
        self.averaged.eval()
        self.compiled = compiled
        if compiled:
            # The inner network, in place: names of weights stay, and the compiled shapes are those
            # of padded images.
            segmenter.network.compile()
        self.clock = clock
        self.seed = seed
        self.loss = SegmentationLoss(dice=optimiser.dice, label_smoothing=optimiser.label_smoothing)
        self.person_iou = BinaryJaccardIndex(ignore_index=IGNORE)
        self.validation_loss = MeanMetric()
        # Checked on the device and read seldom: (of the training's loss, of outputs in validation).
        self._finite: list[Tensor | None] = [None, None]

    @property
    def average(self) -> Segmenter:
        """The moving average of the weights, as a segmenter."""
        return cast(Segmenter, self.averaged.module)

    def train(self, mode: bool = True) -> SegmentationModule:
        """Set the mode of all but the average, which always stays in evaluation mode.

        So do a frozen encoder, and the norms of one whose statistics are kept.
        """
        super().train(mode)
        self.averaged.eval()
        frozen = not self.optimiser.encoder_share
        for module in self.encoder_modules():
            if frozen or (isinstance(module, _BatchNorm) and not self.optimiser.encoder_norms):
                module.training = False
        return self

    def freeze_encoder(self) -> None:
        """Exclude a pre-trained encoder from training if its share of the learning rate is 0.

        Raises:
            ConfigError: There is no pre-trained encoder.
        """
        if self.optimiser.encoder_share:
            return
        frozen = list(self.encoder_modules())
        if not frozen:
            raise ConfigError(
                "optimiser.encoder_share is 0, which freezes a pre-trained encoder; this one has "
                "random weights. Install its weights (docs/train.md) or give a share above 0"
            )
        frozen[0].requires_grad_(False)

    def encoder_modules(self) -> Iterator[nn.Module]:
        """Return the modules of a pre-trained encoder; none of one that is trained from scratch."""
        network = self.segmenter.network
        if network.encoder_prefix and network.pretrained_prefix is not None:
            yield from network.get_submodule(network.encoder_prefix.rstrip(".")).modules()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        fast_backward = nullcontext() if self.compiled else fast_depthwise(self.device)
        with (
            fast_backward,
            seeded_for_step(self.seed, self.global_step, self.global_rank, self.device),
        ):
            logits = self.segmenter(batch["image"])
        loss = self.loss(logits, batch["target"], batch.get("weight"))
        self._note(0, loss.detach())
        self.log("train_loss", loss, batch_size=len(logits))
        return loss

    def on_before_zero_grad(self, optimizer: torch.optim.Optimizer) -> None:
        """Update the average. Lightning calls this once per step, after the optimiser's."""
        if self.global_step > int(self.averaged.n_averaged):
            self.averaged.update_parameters(self.segmenter)

    def validation_step(self, batch: Batch, batch_index: int, dataloader_idx: int = 0) -> None:
        logits = self.average(batch["image"])
        self._note(1, logits)
        self.validation_loss.update(self.loss(logits, batch["target"]), len(batch["image"]))
        self.person_iou.update(logits[:, 0] > 0, batch["target"].int())

    def _note(self, place: int, values: Tensor) -> None:
        finite, before = values.isfinite().all(), self._finite[place]
        self._finite[place] = finite if before is None else before & finite

    def bad_numbers(self) -> str:
        """Name what was no number since the start; empty if there was nothing."""
        for name, finite in zip(("the loss", "an output in validation"), self._finite, strict=True):
            if finite is not None and not bool(finite):
                return name
        return ""

    def on_validation_epoch_end(self) -> None:
        """Log loss and IoU over the pixels of all validation sources together."""
        self.log("val_loss", self.validation_loss.compute())
        self.log("val_iou", self.person_iou.compute())
        self.validation_loss.reset()
        self.person_iou.reset()

    def on_validation_model_eval(self) -> None:
        self.eval()

    def configure_optimizers(self) -> Any:
        optimiser = AdamW(self.parameter_groups())
        schedule = LambdaLR(optimiser, self.learning_rate_share)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def learning_rate_share(self, step: int) -> float:
        """Return the share of the full learning rate after `step` steps, 0..1.

        Linear warm-up, then half a cosine (Loshchilov & Hutter 2017).
        """
        progress, warmup = self.clock.progress(step), self.optimiser.warmup
        if progress < warmup:
            # At 0 the first step would have no effect.
            return max(progress / warmup, 0.01)
        return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Group parameters: pre-trained ones have a lower rate; biases and norms do not decay."""
        prefix = self.segmenter.network.pretrained_prefix
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.segmenter.network.named_parameters():
            if parameter.requires_grad:
                pretrained = prefix is not None and name.startswith(prefix)
                groups.setdefault((pretrained, parameter.ndim > 1), []).append(parameter)
        rate, config = self.optimiser.learning_rate, self.optimiser
        return [
            {
                "params": parameters,
                "lr": rate * (config.encoder_share if pretrained else 1),
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (pretrained, decays), parameters in groups.items()
        ]

    def on_fit_start(self) -> None:
        self.clock.start()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seconds"] = self.clock.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.clock.carried = float(checkpoint["seconds"])


def moving_average(decay: float) -> Any:
    """Return the update rule of an exponential moving average, for torch's AveragedModel.

    After n updates the decay is at most (1 + n) / (10 + n), so that the average of a short run does
    not hold its random initial weights.

    Args:
        decay: Decay per update, 0..1.
    """

    @torch.no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], count: Tensor | int) -> None:
        number = int(count)
        weight = 1 - min(decay, (1 + number) / (10 + number))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current.to(average.dtype), weight)
            else:
                average.copy_(current)

    return update


@contextmanager
def seeded_for_step(seed: int, step: int, rank: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators, which dropout uses, within the context; restore them."""
    # Seeds must differ in many bits, or early draws of neighbouring steps would be alike on some
    # devices.
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + rank * 0x8CB92BA72F3D8DD7) % (
        1 << 63
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.set_rng_state(torch.Generator().manual_seed(mixed).get_state())
        if device.type == "cuda":
            torch.cuda.set_rng_state(torch.Generator(device).manual_seed(mixed).get_state(), device)
        yield
