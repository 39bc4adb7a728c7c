"""A training run: it checks and reads everything first, trains, and writes the RUN folder."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from blender_addon.dataset import output_lock
from diffusion_synth.errors import CheckpointError, DataError, InputError
from diffusion_synth.pipeline.loading import load_pipeline, model_identity
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.randomness import generator_of
from diffusion_synth.repaint.contact_sheet import Example, write_contact_sheet
from diffusion_synth.repaint.crops import CropSettings
from diffusion_synth.repaint.dataset_reader import Dataset, Sample
from diffusion_synth.repaint.filtering import FilterSettings
from diffusion_synth.repaint.painters import PipelinePainter
from diffusion_synth.repaint.repaint_image import Repainter
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.generator_learner import GeneratorLearner, GeneratorLearningConfig
from diffusion_synth.training.learner import Learner, train_until
from diffusion_synth.training.lora_learner import LoraLearner, LoraLearningConfig
from diffusion_synth.training.small_generator import GeneratorConfig
from diffusion_synth.training.state_file import EARLIER_STATE, STATE, load_state

MODEL, SAMPLES, LOSSES = "model", "samples", "losses.csv"
LOCK = ".train.lock"
SAMPLE_COUNT = 8  # persons in a sheet of samples
SAMPLE_STEPS = 20  # of the sampler
SAMPLE_SHARES = (0.05, 0.2, 0.5, 1.0)  # of the steps, after which samples are painted
HELD_OUT_CROPS = 16  # the last ones, so that samples are of persons it was not trained on
LOSS_STEPS = 20  # a row of losses.csv is the mean of as many


@dataclass(frozen=True)
class TrainingPlan:
    """A training before its crops are read.

    Attributes:
        size: Side of the crops, px.
        in_memory: Whether all crops fit into memory.
        make_learner: Makes the learner of the crops to train on.
    """

    size: int
    in_memory: bool
    make_learner: Callable[[CropBank], Learner]


def plan_generator(
    grammar: Grammar,
    settings: dict[str, Any],
    parts: dict[str, Any],
    *,
    device: torch.device,
    bf16: bool,
) -> TrainingPlan:
    """Plan the training of the small generator.

    Args:
        grammar: The prompts.
        settings: Fields of GeneratorLearningConfig.
        parts: Fields of GeneratorConfig.
        device: Where it is trained.
        bf16: Whether to compute in bfloat16.

    Raises:
        ConfigError: A setting is not valid.
    """
    generator = GeneratorConfig(**parts)
    config = GeneratorLearningConfig(**settings, generator=generator)
    return TrainingPlan(
        generator.size,
        True,
        lambda bank: GeneratorLearner(config, bank, grammar, device=device, bf16=bf16),
    )


def plan_lora(
    base_model: str,
    grammar: Grammar,
    settings: dict[str, Any],
    *,
    device: torch.device,
    bf16: bool,
    gradient_checkpointing: bool,
) -> TrainingPlan:
    """Plan the training of a LoRA.

    Args:
        base_model: A folder in diffusers' layout, or a name at a hub.
        grammar: The prompts.
        settings: Fields of LoraLearningConfig.
        device: Where it is trained.
        bf16: Whether to compute in bfloat16.
        gradient_checkpointing: Whether to compute layers again rather than keep their outputs.

    Raises:
        ConfigError: A setting is not valid.
        CheckpointError: The model cannot be loaded.
        InputError: The size does not fit the model.
    """
    config = LoraLearningConfig(**settings)  # rejects what is not valid before gigabytes are read
    dtype = torch.bfloat16 if bf16 else torch.float32
    base = load_pipeline(base_model, device=device, dtype=dtype)
    size = settings.get("size", base.native_size)
    if size < 1 or size % base.size_multiple:
        raise InputError(
            f"--size must be a multiple of {base.size_multiple} for this --base, got {size}"
        )
    config = replace(config, size=size, base=model_identity(base.name_or_path))
    return TrainingPlan(
        size,
        False,
        lambda bank: LoraLearner(
            config, base, bank, grammar, bf16=bf16, gradient_checkpointing=gradient_checkpointing
        ),
    )


def prepare_run(
    plan: TrainingPlan, datasets: Sequence[Dataset], *, smallest: int = 32
) -> tuple[Learner, CropBank]:
    """Read all crops and make the learner.

    Args:
        plan: The training.
        datasets: The renders.
        smallest: Least longer side of a person, px.

    Returns:
        The learner, and the crops held out for samples.

    Raises:
        DataError: There are too few persons.
    """
    bank = CropBank.from_datasets(datasets, plan.size, smallest=smallest, in_memory=plan.in_memory)
    if len(bank) <= HELD_OUT_CROPS:
        raise DataError(
            f"expected more than {HELD_OUT_CROPS} crops of persons to train on, got {len(bank)}; "
            "give more renders"
        )
    learner = plan.make_learner(CropBank(bank.persons[:-HELD_OUT_CROPS]))
    contents = " ".join(dataset.content_hash() for dataset in datasets)
    learner.data = hashlib.sha256(f"{contents} {smallest}".encode()).hexdigest()
    return learner, CropBank(bank.persons[-HELD_OUT_CROPS:])


@contextmanager
def begun_run(learner: Learner, output: Path, *, overwrite: bool = False) -> Iterator[None]:
    """Hold the lock of the RUN folder, and resume the run in it if there is one.

    Args:
        learner: A result of `prepare_run`.
        output: The RUN folder.
        overwrite: Delete the run in `output` rather than resume it.

    Raises:
        CheckpointError: The run in `output` is of another configuration.
        DatasetError: Another process trains there.
    """
    with output_lock(output / LOCK):
        if overwrite:
            delete_run(output)
        elif (output / STATE).exists():
            load_state(learner, output / STATE)
        elif (output / EARLIER_STATE).exists():
            raise CheckpointError(
                f"{output / EARLIER_STATE}: is of an earlier version and cannot be resumed; "
                "choose another --output, or --overwrite it"
            )
        yield


def check_output(output: Path) -> None:
    """Raise InputError when `output` is a file, or a folder that holds something else."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; give a folder")
    names = [path.name for path in output.iterdir()] if output.exists() else []
    found = sorted(name for name in names if not name.startswith("."))
    if found and not ({STATE, EARLIER_STATE, LOSSES} & set(found)):
        raise InputError(f"{output}: holds something else ({found[0]!r}); choose another --output")


def delete_run(output: Path) -> None:
    """Delete the files of a training in `output`, and no others."""
    for name in (STATE, EARLIER_STATE, LOSSES):
        (output / name).unlink(missing_ok=True)
    for name in (MODEL, SAMPLES):
        shutil.rmtree(output / name, ignore_errors=True)


def train_run(
    learner: Learner,
    held_out: CropBank,
    output: Path,
    *,
    save_every: int = 500,
    report: Callable[[int, float], None] = lambda step, loss: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train to the end, with samples on the way, and write the model.

    Args:
        learner: A result of `prepare_run`.
        held_out: The crops for samples.
        output: The RUN folder.
        save_every: Steps between two states.
        report: Called every LOSS_STEPS steps with the step and the mean loss.
        stop: Asked before every step whether to end early.

    Returns:
        Whether it reached its end.
    """
    output.mkdir(parents=True, exist_ok=True)
    steps = learner.config.steps
    log = LossLog(output / LOSSES, learner.step, steps, report)
    for share in SAMPLE_SHARES:
        until = max(1, round(share * steps))
        if learner.step < until:
            train_until(learner, until, output, save_every=save_every, report=log, stop=stop)
            if stop():
                return False
            save_samples(learner, held_out, output / SAMPLES / f"{until:07d}.png")
    save_model(learner, output / MODEL)
    return True


class LossLog:
    """Writer of losses.csv; it drops rows after the step that a run resumes from."""

    def __init__(
        self, path: Path, begun_at: int, steps: int, report: Callable[[int, float], None]
    ) -> None:
        self.path, self.steps, self.report = path, steps, report
        self.sum = self.count = 0.0
        text = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
        rows = [row for row in text.splitlines()[1:] if re.fullmatch(r"\d{1,9},[\d.]+", row)]
        kept = [row for row in rows if int(row.split(",")[0]) <= begun_at]
        path.write_text("\n".join(["step,loss", *kept]) + "\n")

    def __call__(self, step: int, loss: float) -> None:
        """Add the loss of a step."""
        self.sum, self.count = self.sum + loss, self.count + 1
        if step % LOSS_STEPS and step < self.steps:
            return
        mean = self.sum / self.count
        with self.path.open("a") as file:
            file.write(f"{step},{mean:.5f}\n")
        self.report(step, mean)
        self.sum = self.count = 0.0


def save_samples(learner: Learner, bank: CropBank, path: Path) -> None:
    """Write a contact sheet of repainted persons that the learner was not trained on."""
    pipeline, size = learner.inference_pipeline(), learner.size
    pipeline.set_progress_bar_config(disable=True)
    repainter = Repainter(
        PipelinePainter(pipeline, {"num_inference_steps": SAMPLE_STEPS}),
        CropSettings(4.0, size, size, 1),
        FilterSettings(band=0),
    )
    examples = []
    for number, person in enumerate(bank.persons[:SAMPLE_COUNT]):
        sample = Sample(person.image, person.mask.astype(np.uint8), {"persons": [{"id": 1}]})
        prompt = learner.grammar.draw([number], {})
        seed = int(generator_of(number).integers(1 << 62))
        (result,) = repainter.repaint(
            sample, lambda *_, prompt=prompt: prompt, lambda *_, seed=seed: seed, [0]
        )
        examples.append(Example(sample.image, result.painted, sample.mask, prompt.inside))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_contact_sheet(path, examples)


def save_model(learner: Learner, folder: Path) -> None:
    """Write the trained model and its card, whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    learner.save(temporary)
    (temporary / "README.md").write_text(learner.model_card(), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
