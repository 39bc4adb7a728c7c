"""The bundled generator trained further on renders for given minutes; OUTPUT/generator/model.

The bundled model holds the average of its weights and no state of the optimiser, so this is a new
training that starts from them. Its vocabulary may have grown since: tokens that both have keep
their embeddings, and new ones begin as the mean of the old ones.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from benchmarks.gpu.job import Job, NotHere
from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.loading import bundled_model, load_pipeline
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.generator_learner import GeneratorLearner, GeneratorLearningConfig
from diffusion_synth.training.small_generator import GeneratorConfig, make_generator
from diffusion_synth.training.training_run import (
    plan_generator,
    prepare_run,
    save_model,
    save_samples,
)

EMBEDDINGS = "embeddings.token_embedding.weight"
RATE_STEPS = 10  # steps after which the length of the training is estimated anew
HELD_OUT_BATCHES = 8


def measure(job: Job) -> None:
    """Train for the given minutes, and compare the loss on held-out crops before and after."""
    device = job.device
    if not job.options.renders:
        raise NotHere("needs renders to train on: give --renders DATASET")
    parts = job.size({}, {"size": 16, "channels": (16, 32)})
    settings = {"batch_size": job.size(128, 2), "learning_rate": 2e-4}
    settings |= {"steps": 1_000_000, "warmup": 50}  # the steps follow from the time, see train_for
    plan = plan_generator(
        read_grammar(), settings, parts, device=device, bf16=device.type == "cuda"
    )
    learner, held_out = prepare_run(plan, [Dataset(path) for path in job.options.renders])
    assert isinstance(learner, GeneratorLearner)
    new = start_from(learner, starting_model(job, parts))
    folder = job.options.output / "generator"
    folder.mkdir(exist_ok=True)
    job.set(**settings, crops=len(learner.bank), new_tokens=new)
    job.figure("loss on held-out crops, before", held_out_loss(learner, held_out), "")
    taken = train_for(learner, job.training_seconds(job.options.generator_minutes))
    job.figure("steps", learner.step, "")
    job.figure(
        "training, loading included", learner.step * learner.config.batch_size / taken, "images/s"
    )
    save_model(learner, folder / "model")
    job.keep(folder / "model")
    job.figure("loss on held-out crops, after", held_out_loss(learner, held_out), "")
    shown = CropBank(held_out.persons[: job.size(8, 1)])
    save_samples(learner, shown, folder / "samples.png")
    job.keep(folder / "samples.png")


def starting_model(job: Job, parts: dict[str, object]) -> ShapeGuidedPipeline:
    """Return the bundled generator; in a test an untrained one of the tiny size."""
    if job.tiny:
        draw = torch.Generator().manual_seed(1)
        return make_generator(GeneratorConfig(**parts), generator=draw)  # type: ignore[arg-type]
    return load_pipeline(bundled_model())


def start_from(learner: GeneratorLearner, model: ShapeGuidedPipeline) -> int:
    """Give a learner, and its average, the weights of a trained generator of the same size.

    Returns:
        The number of tokens that the model does not know.
    """
    ours, theirs = learner.pipeline.tokenizer.get_vocab(), model.tokenizer.get_vocab()
    text = dict(model.text_encoder.state_dict())
    (name,) = (key for key in text if key.endswith(EMBEDDINGS))
    text[name] = matched_rows(text[name], theirs, ours)
    for networks in (learner.networks, learner.average):
        networks["unet"].load_state_dict(model.unet.state_dict())
        networks["text_encoder"].load_state_dict(text)
    return len(ours.keys() - theirs.keys())


def matched_rows(rows: Tensor, theirs: Mapping[str, int], ours: Mapping[str, int]) -> Tensor:
    """Return the embeddings of `theirs` (V, D) in the order of `ours`; new tokens get the mean."""
    matched = rows.mean(0, keepdim=True).repeat(len(ours), 1)
    for token, place in ours.items():
        if token in theirs:
            matched[place] = rows[theirs[token]]
    return matched


def train_for(learner: GeneratorLearner, seconds: float) -> float:
    """Train for a time; the learning rate falls to 0 at its end. Returns the seconds it took.

    The schedule counts steps, so how many there will be is estimated again and again.
    """
    begun = time.monotonic()
    while (taken := time.monotonic() - begun) < seconds:
        if learner.step and learner.step % RATE_STEPS == 0:
            expected = max(learner.step + 1, round(learner.step * seconds / taken))
            learner.config = dataclasses.replace(learner.config, steps=expected)
        learner.train_step()
    return time.monotonic() - begun


@torch.no_grad()
def held_out_loss(learner: GeneratorLearner, held_out: CropBank) -> float:
    """Return the mean loss of the averaged weights on crops that are not trained on.

    Crops, prompts and noise are the same in every call.
    """
    config: GeneratorLearningConfig = dataclasses.replace(learner.config, batch_size=16)
    batches = type(learner.batches)(config, held_out, learner.grammar)
    trained, learner.pipeline = learner.pipeline, learner.inference_pipeline()
    total = 0.0
    try:
        with region_processors(learner.pipeline.unet):
            for number in range(HELD_OUT_BATCHES):
                batch = batches.draw(number)
                images = torch.from_numpy(batch.images).to(learner.device).permute(0, 3, 1, 2)
                labels = torch.from_numpy(batch.masks).to(learner.device).long()
                draw = torch.Generator(learner.device).manual_seed(batch.noise)
                nothing = torch.zeros(len(labels), dtype=torch.bool).numpy()
                with torch.autocast(learner.device.type, torch.bfloat16, enabled=learner.bf16):
                    loss = learner.loss(images / 127.5 - 1, labels, batch.prompts, nothing, draw)
                total += float(loss)
    finally:
        learner.pipeline = trained
    return total / HELD_OUT_BATCHES
