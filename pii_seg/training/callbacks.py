"""Training callbacks: stop conditions, saving of checkpoints, and progress reports."""

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
from pytorch_lightning.plugins.io import TorchCheckpointIO
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pii_seg.models.checkpoint import write_torch
from pii_seg.training.module import SegmentationModule

# The keys of the stateful callbacks in RUN/last.ckpt. They are the first names of the classes, and
# stay as they are: runs on disk are resumed by them.
STOP_KEY, BEST_KEY = "Ending", "KeepBest"


class Interrupted(Exception):  # noqa: N818  # a requested end, not an error
    """The run was asked to end, and ended after a whole step with RUN/last.ckpt written."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes Lightning's checkpoints so that an old file stays until the new one is whole.

    Lightning's own writer moves a file from the system's temporary folder, which is no rename where
    that is another file system.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        write_torch(Path(path), checkpoint)


class StopOnBadNumbers(Callback):
    """Ends a run at a loss or an output that is no number, before anything of it is saved.

    Args:
        best: RUN/best.ckpt, for the message.
    """

    def __init__(self, best: Path) -> None:
        self.best = best

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        # Each look at a value on a GPU waits for it.
        if pl_module.device.type == "cpu" or step % 10 == 0 or trainer.is_last_batch:
            self.check(trainer, pl_module)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.check(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        self.check(trainer, pl_module)

    def check(self, trainer: lightning.Trainer, pl_module: SegmentationModule) -> None:
        """Raise FloatingPointError when a loss or an output since the start was no number."""
        if not (bad := pl_module.bad_numbers()):
            return
        remedy = "begin again with a smaller --optimiser.learning-rate"
        if trainer.precision != "32-true":
            remedy += ", or with --machine.precision float32"
        kept = f"; {self.best} is from before" if self.best.exists() else ""
        raise FloatingPointError(
            f"{bad} is no number (NaN or infinite) at step {trainer.global_step}, so the training "
            f"cannot go on; {remedy}{kept}"
        )


class StopOnBudgetOrSignal(Callback):
    """Ends a run when its budget is spent or a signal asks for it, after the running step.

    RUN/last.ckpt is written at the end of each epoch and on SIGINT (Ctrl-C), SIGTERM or SIGHUP (a
    terminal that was closed); a second Ctrl-C interrupts at once.

    Attributes:
        ended: How the run ended by itself, "finished" or "early"; empty as long as it did not.
    """

    def __init__(self, last: Path) -> None:
        self.last = last
        self.asked = False
        self.ended = ""
        self._previous_handlers: dict[int, Any] = {}

    @property
    def state_key(self) -> str:
        return STOP_KEY

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.ended = ""  # a run that had ended continues with a larger budget
        # Only the main thread may set handlers; a training in another thread is ended by its
        # caller.
        if threading.current_thread() is threading.main_thread():
            numbers = [signal.SIGINT, signal.SIGTERM]
            if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                numbers.append(signal.SIGHUP)
            for number in numbers:
                self._previous_handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Systems send SIGTERM again and again while they wait.
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # The processes of a distributed run must decide alike, though only some may have received
        # the signal or agree about the time.
        asked = trainer.strategy.reduce_boolean_decision(self.asked, all=False)
        if self._budget_is_spent(trainer, pl_module):
            trainer.should_stop = True  # validation and the last checkpoint come before the end
        elif asked and not trainer.is_last_batch:  # a validation that is due comes first
            trainer.save_checkpoint(self.last, weights_only=False)
            raise Interrupted

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        # The time may have run out during validation; one more step would cost another validation.
        spent = self._budget_is_spent(trainer, pl_module)
        trainer.should_stop = trainer.should_stop or spent
        if trainer.should_stop:
            self.ended = "finished" if spent else "early"
        trainer.save_checkpoint(self.last, weights_only=False)  # with optimiser and loops
        if not self.ended and trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            raise Interrupted

    @staticmethod
    def _budget_is_spent(trainer: lightning.Trainer, pl_module: Any) -> bool:
        spent = pl_module.clock.progress(trainer.global_step) >= 1
        return trainer.strategy.reduce_boolean_decision(spent, all=False)

    def state_dict(self) -> dict[str, Any]:
        return {"ended": self.ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.ended = str(state_dict["ended"])

    def teardown(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        self._previous_handlers.clear()


class SaveBest(Callback):
    """Calls `save(module, score)` after each validation whose IoU is above all earlier ones."""

    def __init__(self, save: Callable[[SegmentationModule, float], None]) -> None:
        self.save = save
        self.best = -math.inf

    @property
    def state_key(self) -> str:
        return BEST_KEY

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        if trainer.sanity_checking or "val_iou" not in trainer.callback_metrics:
            return
        score = float(trainer.callback_metrics["val_iou"])
        # The first is saved whatever its score: a run always leaves a checkpoint.
        if score > self.best or self.best == -math.inf:
            self.best = score
            if trainer.is_global_zero:
                self.save(pl_module, score)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = float(state_dict["best"])


class SaveAtFractions(Callback):
    """Calls `save(module, place)` once per fraction of the budget.

    Args:
        fractions: Fractions of the budget, 0..1.
        save: Called after the step that reaches `fractions[place]`.
        exists: Whether `place` was saved already, perhaps before the run was resumed.
    """

    def __init__(
        self,
        fractions: Sequence[float],
        save: Callable[[SegmentationModule, int], None],
        exists: Callable[[int], bool],
    ) -> None:
        self.fractions, self.save, self.exists = tuple(fractions), save, exists

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        progress = pl_module.clock.progress(trainer.global_step)
        for place, fraction in enumerate(self.fractions):
            if progress >= fraction and trainer.is_global_zero and not self.exists(place):
                self.save(pl_module, place)


class ProgressReporter(Callback):
    """Shows a progress bar on a terminal, else a line per validation; also logs speed and time.

    Args:
        style: auto, bar, plain or none.
        batch_size: Views per step and process.
        stream: Where to write; standard error by default.
    """

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
                TextColumn("{task.description}"), BarColumn(),
                TextColumn("{task.percentage:3.0f} %"), TimeElapsedColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[measures]}"),
                console=Console(file=self.stream), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("training", total=1.0, measures="")
            self._bar.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, now = trainer.global_step, time.monotonic()
        if step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            before, since = self._since
            views = (step - before) * self.batch_size * trainer.world_size
            self._rate = views / max(now - since, 1e-9)
            self._since = (step, now)
            pl_module.log("images_per_second", self._rate)
            pl_module.log("seconds", pl_module.clock.elapsed)
            pl_module.log("learning_rate", float(trainer.optimizers[0].param_groups[-1]["lr"]))
        if self._bar is not None:
            progress = pl_module.clock.progress(step)
            self._bar.update(self._task, completed=progress, measures=self._measures(trainer))

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        # Validation takes time without a training step.
        self._since = (trainer.global_step, time.monotonic())
        if self.style == "none" or not trainer.is_global_zero or trainer.sanity_checking:
            return
        progress = pl_module.clock.progress(trainer.global_step)
        elapsed = pl_module.clock.elapsed
        left = f", {elapsed / progress - elapsed:.0f} s left" if 0 < progress < 1 else ""
        measures = self._measures(trainer)
        line = f"{progress:4.0%}  step {trainer.global_step}  {measures}  {elapsed:.0f} s{left}"
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            print(line, file=self.stream, flush=True)

    def _measures(self, trainer: lightning.Trainer) -> str:
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
