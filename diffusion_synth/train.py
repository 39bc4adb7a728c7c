"""Teach a generator to paint persons, from renders: the embedded one from nothing, or a large one by a LoRA.

    python -m diffusion_synth.train --data RENDERS [RENDERS …] --output RUN
    python -m diffusion_synth.run --data RENDERS --model RUN/model --output REPAINTED

    python -m diffusion_synth.train --data RENDERS --output RUN --base stable-diffusion-v1-5 [--rank 8]
    python -m diffusion_synth.run --data RENDERS --model stable-diffusion-v1-5 --lora RUN/model --output REPAINTED

    RUN/model/      with a card: the generator, in the ordinary layout of diffusers, half precision; or, with --base,
                    the LoRA (pytorch_lora_weights.safetensors), which every pipeline of diffusers loads
    RUN/state.pt    what the same command goes on from; Ctrl-C ends after the running step
    RUN/samples/    what it paints at a few steps: before, after, mask
    RUN/losses.csv  step, loss

--base is a folder of diffusers or a hub's name: Stable Diffusion 1.x, 2.x, their inpainting forms, or SDXL; it is not
changed. A longer --steps is another training: the learning rate follows the whole of it.
Exit codes: 0 done, 1 failed on the way, 2 wrong input (nothing was begun), 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusion_synth.command_line import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_INPUT,
    InputError,
    complain,
    device_of,
    parse,
)
from diffusion_synth.prompts.grammar import DEFAULT, Grammar, read_grammar
from diffusion_synth.randomness import generator_of
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.training.crop_bank import BankError, CropBank

if TYPE_CHECKING:
    from diffusion_synth.training.learner import Learner

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
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="DATASET",
        help="renders to learn from",
    )
    p.add_argument("--output", type=Path, required=True, metavar="RUN", help="made if need be")
    p.add_argument(
        "--prompts", type=Path, default=DEFAULT, metavar="TOML", help="the grammar of what is said"
    )
    # Both trainings have these, with defaults of their own: those that are not given stay away from their settings.
    both: dict[str, Any] = {"default": argparse.SUPPRESS}
    p.add_argument(
        "--steps",
        type=int,
        metavar="N",
        **both,
        help="of the optimiser (default 20000; with --base 2000)",
    )
    p.add_argument(
        "--batch_size",
        type=int,
        metavar="N",
        **both,
        help="crops a step (default 8; with --base 4)",
    )
    p.add_argument(
        "--learning_rate", type=float, metavar="R", **both,
        help="at its highest (default 3e-4; with --base 1e-4)",
    )  # fmt: skip
    p.add_argument("--seed", type=int, **both, help="another seed, other weights (default 0)")
    p.add_argument(
        "--size", type=int, metavar="PX", **both,
        help="of the crops it paints (default 128; with --base its own)",
    )  # fmt: skip
    p.add_argument(
        "--smallest",
        type=int,
        default=32,
        metavar="PX",
        help="smaller persons teach nothing (default 32)",
    )
    p.add_argument("--save_every", type=int, default=500, metavar="N", help="steps (default 500)")
    p.add_argument(
        "--precision", choices=("bf16", "float32"), default="bf16", help="of the arithmetic"
    )
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    p.add_argument("--overwrite", action="store_true", help="delete the run in --output first")
    own = p.add_argument_group("the embedded generator")
    own.add_argument(
        "--channels",
        type=int,
        nargs="+",
        metavar="N",
        **both,
        help="of the UNet's levels (128 128 160)",
    )
    own.add_argument(
        "--factor",
        type=int,
        metavar="N",
        **both,
        help="pixels to one place of the latent, along a side (default 4)",
    )
    own.add_argument(
        "--prediction",
        **both,
        help="what the UNet says: sample (default), the picture; or v_prediction, the velocity",
    )
    lora = p.add_argument_group("a LoRA on a large model")
    lora.add_argument(
        "--base", metavar="FOLDER|NAME", help="the model: a folder of diffusers, or a hub's name"
    )
    lora.add_argument("--rank", type=int, metavar="N", **both, help="of its matrices (default 8)")
    lora.add_argument(
        "--gradient_checkpointing", action="store_true", help="a third slower, in far less memory"
    )
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
    from diffusion_synth.training.learner import STATE, load_state

    if options.save_every < 1:
        raise InputError(f"--save_every is {options.save_every}; it must be at least 1")
    grammar = read_grammar(options.prompts)
    output = options.output
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; give a folder")
    strangers = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if strangers and not ({STATE, LOSSES} & set(strangers)):
        raise InputError(
            f"{output}: holds something else ({strangers[0]!r}); choose another --output"
        )
    datasets = [Dataset(path) for path in options.data]
    size, held, learner_of = (lora_on_base if options.base else embedded_generator)(
        options, grammar
    )
    bank = CropBank.of(datasets, size, smallest=options.smallest, held=held)
    if len(bank) <= NEVER_SHOWN:
        raise BankError(
            f"{len(bank)} crops of persons are too few to learn from; more than {NEVER_SHOWN} are needed"
        )
    learner = learner_of(CropBank(bank.persons[:-NEVER_SHOWN]))
    if options.overwrite:
        delete_run(output)
    elif (output / STATE).exists():
        load_state(learner, output / STATE)
    print(
        f"{len(bank)} crops of persons; from step {learner.step} of {learner.config.steps}",
        file=sys.stderr,
    )
    return learner, CropBank(bank.persons[-NEVER_SHOWN:])


Training = tuple[int, bool, "Callable[[CropBank], Learner]"]
"""Side of the crops, px; whether all of them fit into memory; and the learner that is shown them."""


def embedded_generator(options: argparse.Namespace, grammar: Grammar) -> Training:
    from diffusion_synth.training.generator_learner import GeneratorLearner, GeneratorLearningConfig
    from diffusion_synth.training.small_generator import GeneratorConfig

    if hasattr(options, "rank") or options.gradient_checkpointing:
        raise InputError("--rank and --gradient_checkpointing belong to a LoRA: give its --base")
    parts = given(options, "size", "channels", "factor", "prediction")
    if "channels" in parts:
        parts["channels"] = tuple(parts["channels"])
    generator = GeneratorConfig(**parts)
    config = GeneratorLearningConfig(**given(options, *SHARED), generator=generator)
    device, bf16 = device_of(options.device), options.precision == "bf16"
    return (
        generator.size,
        True,
        lambda bank: GeneratorLearner(config, bank, grammar, device=device, bf16=bf16),
    )


def lora_on_base(options: argparse.Namespace, grammar: Grammar) -> Training:
    import torch

    from diffusion_synth.pipeline.loading import identity_of, load_pipeline
    from diffusion_synth.training.lora_learner import LoraLearner, LoraLearningConfig

    if own := given(options, "channels", "factor", "prediction"):
        raise InputError(
            f"--{next(iter(own))} belongs to the embedded generator; a --base has its own"
        )
    settings = given(options, *SHARED, "size", "rank")
    config = LoraLearningConfig(**settings)  # refuses what makes no sense before gigabytes are read
    bf16 = options.precision == "bf16"
    base = load_pipeline(
        options.base,
        device=device_of(options.device),
        dtype=torch.bfloat16 if bf16 else torch.float32,
    )
    size = settings.get("size", base.native_size)
    if size < 1 or size % base.size_multiple:
        raise InputError(
            f"--size is {size}; for this --base it must be a multiple of {base.size_multiple}"
        )
    config = replace(config, size=size, base=identity_of(options.base))
    checkpointing = options.gradient_checkpointing
    return (
        size,
        False,
        lambda bank: LoraLearner(
            config, base, bank, grammar, bf16=bf16, gradient_checkpointing=checkpointing
        ),
    )


SHARED = ("steps", "batch_size", "learning_rate", "seed")


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of `names` that the command line has."""
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def delete_run(output: Path) -> None:
    """What a training wrote into `output`, and nothing else."""
    from diffusion_synth.training.learner import STATE

    for name in (STATE, LOSSES):
        (output / name).unlink(missing_ok=True)
    for name in (MODEL, SAMPLES):
        shutil.rmtree(output / name, ignore_errors=True)


def work(learner: Learner, kept_apart: CropBank, options: argparse.Namespace) -> bool:
    """Whether it came to its end."""
    from diffusion_synth.training.learner import learn_until

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
                    learner,
                    due,
                    output,
                    save_every=options.save_every,
                    report=report,
                    stop=lambda: stopped,
                )
                if stopped:
                    return False
                show(learner, kept_apart, output / SAMPLES / f"{due:07d}.png")
        save_model(learner, output / MODEL)
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
        kept = [
            row
            for row in rows
            if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= begun_at
        ]
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

    from diffusion_synth.repaint.contact_sheet import Example, write_sheet
    from diffusion_synth.repaint.crops import CropSettings
    from diffusion_synth.repaint.dataset_reader import Picture
    from diffusion_synth.repaint.filtering import FilterSettings
    from diffusion_synth.repaint.painters import PipelinePainter
    from diffusion_synth.repaint.repaint_image import Repainter

    pipeline, size = learner.painting(), learner.size
    pipeline.set_progress_bar_config(disable=True)
    repainter = Repainter(
        PipelinePainter(pipeline, {"num_inference_steps": 20}),
        CropSettings(4.0, size, size, 1),
        FilterSettings(band=0),
    )
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


def save_model(learner: Learner, folder: Path) -> None:
    """What it has learnt, with a card, whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    learner.save(temporary)
    (temporary / "README.md").write_text(learner.card(), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


if __name__ == "__main__":
    sys.exit(main())
