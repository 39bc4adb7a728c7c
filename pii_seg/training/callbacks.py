"""What goes on beside a training: ending it, keeping its best, telling how far it is."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pii_seg.training.module import SegmentationModule


class Interrupted(Exception):  # noqa: N818  # not an error: what was asked for
    """The run was asked to end, and ended after a whole step with RUN/last.ckpt written."""


class Ending(Callback):
    """Ends a run whose budget is spent, and one that is interrupted: after the running step, with a checkpoint.

    SIGINT (Ctrl-C) and SIGTERM ask for it; asked twice, Python's usual interruption comes at once. `ended`: how the run
    ended by itself, finished or early; empty when it did not.
    """

    def __init__(self, last: Path) -> None:
        self.last = last
        self.asked = False
        self.ended = ""
        self._before: dict[int, Any] = {}

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        # Other threads may not set handlers; whoever runs a training in one ends it otherwise.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # All processes of a distributed run must decide alike, though only some may have heard the signal or agree
        # about the time.
        asked = trainer.strategy.reduce_boolean_decision(self.asked, all=False)
        spent = trainer.strategy.reduce_boolean_decision(
            pl_module.clock.progress(trainer.global_step) >= 1, all=False
        )
        if spent:
            trainer.should_stop = True  # validation and the last checkpoint come before the end
        elif asked and not trainer.is_last_batch:  # a validation that is due comes first
            save_last(trainer, self.last)
            raise Interrupted

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        # The time may have run out during validation; one more step would cost another validation.
        spent = trainer.strategy.reduce_boolean_decision(
            pl_module.clock.progress(trainer.global_step) >= 1, all=False
        )
        trainer.should_stop = trainer.should_stop or spent
        if trainer.should_stop:
            self.ended = "finished" if spent else "early"
        save_last(trainer, self.last)
        if not self.ended and trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            raise Interrupted

    def state_dict(self) -> dict[str, Any]:
        return {"ended": self.ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.ended = str(state_dict["ended"])

    def teardown(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()


def save_last(trainer: lightning.Trainer, path: Path) -> None:
    """The whole state of the run, to go on from; the old one stays until the new one is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    trainer.save_checkpoint(temporary, weights_only=False)  # optimiser and loops too
    if trainer.is_global_zero:
        temporary.replace(path)
    trainer.strategy.barrier()


class KeepBest(Callback):
    """Calls `save(module, score)` after each validation that is better than all before."""

    def __init__(self, save: Callable[[SegmentationModule, float], None]) -> None:
        self.save = save
        self.best = -math.inf

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        if trainer.sanity_checking or "val_iou" not in trainer.callback_metrics:
            return
        score = float(trainer.callback_metrics["val_iou"])
        # The first is kept whatever it is: a run always leaves a checkpoint.
        if score > self.best or self.best == -math.inf:
            self.best = score
            if trainer.is_global_zero:
                self.save(pl_module, score)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = float(state_dict["best"])


class KeepAlong(Callback):
    """Calls `save(module, place)` when each of `shares` (0..1) of the budget is spent, unless `there(place)`."""

    def __init__(
        self,
        shares: Sequence[float],
        save: Callable[[SegmentationModule, int], None],
        there: Callable[[int], bool],
    ) -> None:
        self.shares, self.save, self.there = tuple(shares), save, there

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        spent = pl_module.clock.progress(trainer.global_step)
        for place, share in enumerate(self.shares):
            if spent >= share and trainer.is_global_zero and not self.there(place):
                self.save(pl_module, place)


class Reporter(Callback):
    """Tells how far the run is: a bar on a terminal, else a line at each validation. Logs speed and time as well."""

    def __init__(self, style: str, batch_size: int, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.style = style if style != "auto" else ("bar" if self.stream.isatty() else "plain")
        self.batch_size = batch_size
        self._bar: Progress | None = None
        self._since = (0, 0.0)
        self._rate = 0.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self._since = (trainer.global_step, time.monotonic())
        if self.style == "bar" and trainer.is_global_zero:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[said]}"),
                console=Console(file=self.stream), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("training", total=1.0, said="")
            self._bar.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, now = trainer.global_step, time.monotonic()
        if step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            before, since = self._since
            self._rate = (
                (step - before) * self.batch_size * trainer.world_size / max(now - since, 1e-9)
            )
            self._since = (step, now)
            pl_module.log("images_per_second", self._rate)
            pl_module.log("seconds", pl_module.clock.elapsed)
            pl_module.log("learning_rate", float(trainer.optimizers[0].param_groups[-1]["lr"]))
        if self._bar is not None:
            self._bar.update(
                self._task, completed=pl_module.clock.progress(step), said=self._said(trainer)
            )

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        # Validation takes time in which nothing is learnt.
        self._since = (trainer.global_step, time.monotonic())
        if self.style == "none" or not trainer.is_global_zero or trainer.sanity_checking:
            return
        share = pl_module.clock.progress(trainer.global_step)
        elapsed = pl_module.clock.elapsed
        left = f", {elapsed / share - elapsed:.0f} s left" if 0 < share < 1 else ""
        line = f"{share:4.0%}  step {trainer.global_step}  {self._said(trainer)}  {elapsed:.0f} s{left}"
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            print(line, file=self.stream, flush=True)

    def _said(self, trainer: lightning.Trainer) -> str:
        shown = (("train_loss", "loss"), ("val_iou", "person IoU"))
        known = trainer.callback_metrics
        words = [f"{word} {float(known[key]):.3f}" for key, word in shown if key in known]
        return "  ".join([*words, f"{self._rate:.1f} images/s"])

    def teardown(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
