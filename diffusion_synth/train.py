"""Train the embedded generator: a small model that repaints persons, learnt from renders.

    python -m diffusion_synth.train --data RENDERS [RENDERS …] --output RUN
    python -m diffusion_synth.run --data RENDERS --model RUN/model --output REPAINTED --size 64

    RUN/model/      the generator, in the ordinary layout of diffusers, half precision, with a card
    RUN/state.pt    what the same command goes on from; Ctrl-C ends after the running step
    RUN/samples/    what it paints at a few steps: before, after, mask
    RUN/losses.csv  step, loss

A longer --steps is another training: the learning rate follows the whole of it.
Exit codes: 0 done, 1 failed on the way, 2 wrong input (nothing was begun), 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusion_synth.commands import DONE, FAILED, INTERRUPTED, WRONG_INPUT, complain, parse
from diffusion_synth.crop_bank import BankError, CropBank
from diffusion_synth.prompts import DEFAULT, read_grammar
from diffusion_synth.randomness import generator_of
from diffusion_synth.reading import Dataset

if TYPE_CHECKING:
    from diffusion_synth.learning import Learner

MODEL, SAMPLES, LOSSES = "model", "samples", "losses.csv"
SHOWN = 8  # persons in a sheet of samples
SHOWN_AT = (0.05, 0.2, 0.5, 1.0)  # of the steps
NEVER_SHOWN = 16  # the last crops are kept apart, so that samples are of persons it has not seen


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m diffusion_synth.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    p.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DATASET", help="renders to learn from"
    )
    p.add_argument("--output", type=Path, required=True, metavar="RUN", help="made if need be")
    p.add_argument(
        "--prompts", type=Path, default=DEFAULT, metavar="TOML", help="the grammar of what is said"
    )
    p.add_argument("--steps", type=int, default=20_000, metavar="N", help="of the optimiser (default 20000)")
    p.add_argument("--batch_size", type=int, default=8, metavar="N", help="crops a step (default 8)")
    p.add_argument(
        "--learning_rate", type=float, default=3e-4, metavar="R", help="at its highest (default 3e-4)"
    )
    p.add_argument("--seed", type=int, default=0, help="another seed, other weights")
    p.add_argument("--size", type=int, default=64, metavar="PX", help="of the crops it paints (default 64)")
    p.add_argument(
        "--channels", type=int, nargs="+", default=(64, 128, 192), metavar="N", help="of the UNet's levels"
    )
    p.add_argument(
        "--smallest", type=int, default=32, metavar="PX", help="smaller persons teach nothing (default 32)"
    )
    p.add_argument("--save_every", type=int, default=500, metavar="N", help="steps (default 500)")
    p.add_argument("--precision", choices=("bf16", "float32"), default="bf16", help="of the arithmetic")
    p.add_argument("--overwrite", action="store_true", help="delete the run in --output first")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code; an error is one line on standard error."""
    try:
        options = parse(parser(), argv)
        learner, kept_apart = prepare(options)
    except ValueError as error:  # every error of ours is one
        return complain(error, WRONG_INPUT)
    try:
        finished = work(learner, kept_apart, options)
    except (OSError, RuntimeError, ValueError, ArithmeticError) as error:
        return complain(error, FAILED)
    if not finished:
        print(f"interrupted after {learner.step} steps; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    print(options.output / MODEL)
    return DONE


def prepare(options: argparse.Namespace) -> tuple[Learner, CropBank]:
    """(the learner, the persons kept from it for samples): all checked and read before an hour is spent."""
    # Here, because diffusers takes seconds to import: --help and a mistyped option need not wait for it.
    from diffusion_synth.generator import GeneratorConfig
    from diffusion_synth.learning import STATE, Learner, LearningConfig, load_state

    config = LearningConfig(
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
        generator=GeneratorConfig(size=options.size, channels=tuple(options.channels)),
    )
    if options.save_every < 1:
        raise ValueError(f"--save_every is {options.save_every}; it must be at least 1")
    grammar = read_grammar(options.prompts)
    output = options.output
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output {output}: is a file; give a folder")
    strangers = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if strangers and not ({STATE, LOSSES} & set(strangers)):
        raise ValueError(f"{output}: holds something else ({strangers[0]!r}); choose another --output")
    bank = CropBank.of([Dataset(path) for path in options.data], options.size, smallest=options.smallest)
    if len(bank) <= NEVER_SHOWN:
        raise BankError(
            f"{len(bank)} crops of persons are too few to learn from; more than {NEVER_SHOWN} are needed"
        )
    learner = Learner(
        config, CropBank(bank.persons[:-NEVER_SHOWN]), grammar, bf16=options.precision == "bf16"
    )
    if options.overwrite:
        delete_run(output)
    elif (output / STATE).exists():
        load_state(learner, output / STATE)
    print(f"{len(bank)} crops of persons; from step {learner.step} of {config.steps}", file=sys.stderr)
    return learner, CropBank(bank.persons[-NEVER_SHOWN:])


def delete_run(output: Path) -> None:
    """What a training wrote into `output`, and nothing else."""
    from diffusion_synth.learning import STATE

    for name in (STATE, LOSSES):
        (output / name).unlink(missing_ok=True)
    for name in (MODEL, SAMPLES):
        shutil.rmtree(output / name, ignore_errors=True)


def work(learner: Learner, kept_apart: CropBank, options: argparse.Namespace) -> bool:
    """Whether it came to its end."""
    from diffusion_synth.learning import learn_until

    stopped = False

    def stop(*_: Any) -> None:
        nonlocal stopped
        stopped = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        steps, output = learner.config.steps, options.output
        output.mkdir(parents=True, exist_ok=True)
        report = Report(output / LOSSES, learner.step, steps)
        for share in SHOWN_AT:
            due = max(1, round(share * steps))
            if learner.step < due:
                learn_until(
                    learner, due, output, save_every=options.save_every, report=report, stop=lambda: stopped
                )
                if stopped:
                    return False
                show(learner, kept_apart, output / SAMPLES / f"{due:07d}.png")
        save_model(learner, output / MODEL, pictures=len(learner.bank))
        return True
    finally:
        signal.signal(signal.SIGINT, before)


class Report:
    """losses.csv, and a line on standard error now and then."""

    def __init__(self, path: Path, begun_at: int, steps: int) -> None:
        self.path, self.begun_at, self.steps = path, begun_at, steps
        self.begun = self.last = time.monotonic()
        self.sum = self.count = 0.0
        rows = path.read_text().splitlines()[1:] if path.exists() else []
        kept = [row for row in rows if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= begun_at]
        path.write_text("\n".join(["step,loss", *kept]) + "\n")

    def __call__(self, step: int, loss: float) -> None:
        self.sum, self.count = self.sum + loss, self.count + 1
        if step % 20 and step < self.steps:
            return
        with self.path.open("a") as file:
            file.write(f"{step},{self.sum / self.count:.5f}\n")
        now = time.monotonic()
        if now - self.last > 10 or step == self.steps:
            self.last = now
            rate = (step - self.begun_at) / max(1e-9, now - self.begun)
            left = (self.steps - step) / max(1e-9, rate)
            said = f"step {step}/{self.steps}  loss {self.sum / self.count:.4f}  {rate:.2f} steps/s"
            print(f"{said}  {left / 60:.0f} min left", file=sys.stderr, flush=True)
        self.sum = self.count = 0.0


def show(learner: Learner, bank: CropBank, path: Path) -> None:
    """A sheet of persons that it did not learn from, repainted."""
    import numpy as np

    from diffusion_synth.crops import CropSettings
    from diffusion_synth.filtering import FilterSettings
    from diffusion_synth.painters import PipelinePainter
    from diffusion_synth.reading import Picture
    from diffusion_synth.repainting import Repainter
    from diffusion_synth.sheets import Example, write_sheet

    pipeline = learner.averaged()
    pipeline.set_progress_bar_config(disable=True)
    size = learner.config.generator.size
    painter = PipelinePainter(pipeline, {"num_inference_steps": 20})
    repainter = Repainter(painter, CropSettings(4.0, size, size, 1), FilterSettings(band=0), batch_size=SHOWN)
    examples = []
    for number, person in enumerate(bank.persons[:SHOWN]):
        picture = Picture(person.image, person.mask.astype(np.uint8), {"persons": [{"id": 1}]})
        prompt = learner.grammar.draw([number], {})
        (result,) = repainter.repaint(
            picture,
            lambda *_, prompt=prompt: prompt,
            lambda *_, n=number: int(generator_of(n).integers(1 << 62)),
            [0],
        )
        examples.append(Example(picture.image, result.painted, picture.mask, prompt.inside))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sheet(path, examples)


def save_model(learner: Learner, folder: Path, *, pictures: int) -> None:
    """The averaged pipeline in half precision, whole or not at all."""
    import torch

    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    learner.averaged().to(torch.float16).save_pretrained(temporary, safe_serialization=True)
    for module in learner.average.values():
        module.float()
    (temporary / "README.md").write_text(card(learner, pictures), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def card(learner: Learner, pictures: int) -> str:
    """What a model says of itself: how it was made, and what it cannot do."""
    config = learner.config
    return f"""---
library_name: diffusers
pipeline_tag: image-to-image
---
# A small generator of persons inside a mask

Made by `python -m diffusion_synth.train`: {learner.step} steps of {config.batch_size} crops, drawn from
{pictures} crops of rendered persons, seed {config.seed}. It has seen nobody who exists, and no photograph of a person.

- Paints crops of {config.generator.size} px. Larger ones are enlarged and blurred.
- Knows the words of the renderer (clothes, colours, hair, poses, light) and no others; the rest fall into letters.
- Makes figures, not portraits: faces have no features worth the name at this size.
- Takes its light from the renders: in photographs its persons look pasted in.
"""


if __name__ == "__main__":
    sys.exit(main())
