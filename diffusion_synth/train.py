"""Train a model that paints persons, from renders: the small generator, or a LoRA on a large model.

    diffusion-synth train --data RENDERS [RENDERS …] --output RUN
    diffusion-synth run --data RENDERS --model RUN/model --output REPAINTED

    diffusion-synth train --data RENDERS --output RUN --base stable-diffusion-v1-5 [--rank 8]
    diffusion-synth run --data RENDERS --model stable-diffusion-v1-5 --lora RUN/model --output …

    RUN/model/      the generator in the layout of diffusers, half precision, or with --base the
                    LoRA (pytorch_lora_weights.safetensors); and a model card
    RUN/state.safetensors   what the same command resumes from; Ctrl-C ends after the step
    RUN/samples/    repainted persons after some steps: before, after, mask
    RUN/losses.csv  step, loss

--base is Stable Diffusion 1.x, 2.x, their inpainting forms, or SDXL; it is not changed. Another
--steps is another training, since the learning rate follows the whole of it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusion_synth.command_line import (
    DONE,
    INTERRUPTED,
    checked_input,
    command,
    find_device,
    make_parser,
    parse,
    progress,
    require,
)
from diffusion_synth.command_options import TRAIN_OPTIONS
from diffusion_synth.errors import InputError
from diffusion_synth.prompts.grammar import read_grammar

if TYPE_CHECKING:
    from diffusion_synth.training.crop_bank import CropBank
    from diffusion_synth.training.learner import Learner

SETTINGS = ("steps", "batch_size", "learning_rate", "seed")
GENERATOR_PARTS = ("size", "channels", "factor", "prediction")
REQUIRED = "--data DATASET [DATASET …] --output RUN"


def parser() -> argparse.ArgumentParser:
    return make_parser("diffusion-synth train", REQUIRED, __doc__, TRAIN_OPTIONS)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code; an error is one line on standard error."""
    with checked_input():
        options = parse(parser(), argv)
        learner, held_out = prepare(options)
    from diffusion_synth.training.training_run import begun_run

    with ExitStack() as stack:
        with checked_input():
            stack.enter_context(begun_run(learner, options.output, overwrite=options.overwrite))
        print(
            f"{len(learner.bank) + len(held_out)} crops of persons; "
            f"from step {learner.step} of {learner.config.steps}",
            file=sys.stderr,
        )
        if not train(learner, held_out, options.output, options.save_every):
            print(
                f"interrupted after {learner.step} steps; run the same command to resume",
                file=sys.stderr,
            )
            return INTERRUPTED
    print(options.output / "model")
    return DONE


def prepare(options: argparse.Namespace) -> tuple[Learner, CropBank]:
    """Check all options and read all crops, before anything is written."""
    require(options, "data", "output")
    if options.save_every < 1:
        raise InputError(f"--save-every must be at least 1, got {options.save_every}")
    grammar = read_grammar(options.prompts)
    own = given(options, *GENERATOR_PARTS)
    if not options.base and (hasattr(options, "rank") or options.gradient_checkpointing):
        raise InputError("--rank and --gradient-checkpointing belong to a LoRA: give its --base")
    if options.base and (wrong := [name for name in own if name != "size"]):
        raise InputError(f"--{wrong[0]} belongs to the small generator; a --base has its own")
    # Here, since torch and diffusers take seconds to import: a mistyped option need not wait.
    from diffusion_synth.repaint.dataset_reader import Dataset
    from diffusion_synth.training.training_run import (
        check_output,
        plan_generator,
        plan_lora,
        prepare_run,
    )

    check_output(options.output)
    datasets = [Dataset(path) for path in options.data]
    device, bf16 = find_device(options.device), options.precision == "bf16"
    settings = given(options, *SETTINGS)
    if options.base:
        settings |= given(options, "size", "rank")
        plan = plan_lora(
            options.base, grammar, settings, device=device, bf16=bf16,
            gradient_checkpointing=options.gradient_checkpointing,
        )  # fmt: skip
    else:
        if "channels" in own:
            own["channels"] = tuple(own["channels"])
        plan = plan_generator(grammar, settings, own, device=device, bf16=bf16)
    return prepare_run(plan, datasets, smallest=options.smallest)


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the options among `names` that the command line has."""
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def train(learner: Learner, held_out: CropBank, output: Path, save_every: int) -> bool:
    """Train with progress; Ctrl-C or SIGTERM ends after the step. Returns whether all is done."""
    from diffusion_synth.training.training_run import train_run

    stopped = False

    def stop(*_: Any) -> None:
        nonlocal stopped
        stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with progress("steps") as report:
            return train_run(
                learner, held_out, output, save_every=save_every, stop=lambda: stopped,
                report=lambda step, loss: report(step, learner.config.steps, f"loss {loss:.4f}"),
            )  # fmt: skip
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
