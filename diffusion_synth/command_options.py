"""The options of the commands, as data: the most used ones first in every group."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffusion_synth.command_line import Option
from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.prompts.grammar import DEFAULT

MOST_SEED = (1 << 63) - 1


def parse_shard(text: str) -> tuple[int, int]:
    """Parse I/N."""
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with 1 ≤ I ≤ N")
    return int(part), int(parts)


def parse_seed(text: str) -> int:
    """Parse a whole number from 0."""
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_SEED):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0..{MOST_SEED}")
    return int(text)


RUN_OPTIONS = {
    "data": [
        Option("--data", Path, None, "DATASET",
               "Repaint the persons of this dataset, or of a folder with images and masks "
               "(required)."),
        Option("--output", Path, None, "DATASET",
               "Write to this folder; it is created (required)."),
        Option("--variants", int, 1, "N",
               "Repaint every image N times."),
        Option("--seed", parse_seed, 0, "N",
               "Draw prompts and noise from this seed."),
        Option("--shard", parse_shard, "1/1", "I/N",
               "Repaint part I of N parts."),
        Option("--overwrite", bool, False, None,
               "Delete the dataset in --output first."),
    ],
    "painter": [
        Option("--model", str, None, "FOLDER|NAME",
               "Load this model: a folder in diffusers' layout, or a name at a hub. Default: the "
               "bundled generator."),
        Option("--lora", Path, None, "FOLDER|FILE",
               "Load this LoRA onto --model: a file, or the folder of diffusion-synth train. "
               "Default: none."),
        Option("--lora-scale", float, 1.0, "W",
               "Scale the LoRA by this factor."),
        Option("--prompts", Path, DEFAULT, "TOML",
               "Draw prompts from this grammar.",
               {"help": "Draw prompts from this grammar. Default: the bundled prompts.toml."}),
        Option("--device", str, "auto", "NAME",
               "Compute on auto, cpu, cuda, cuda:1, mps."),
        Option("--batch-size", int, 4, "N",
               "Paint N crops at once."),
        Option("--steps", int, 25, "N",
               "Take N steps of sampling."),
        Option("--guidance", float, None, "W",
               "Weight the prompt by this guidance scale. Default: 4.5; the bundled generator: "
               "2."),
        Option("--precision", str, "float32", None,
               "Compute in float32 or bf16.",
               {"choices": ("float32", "bf16")}),
        Option("--mode", str, "blend", None,
               "Paint from fresh noise (blend), or from the image's own inverted latents as in "
               "the paper (invert), where traces of the person may stay.",
               {"choices": ("blend", "invert")}),
        Option("--self-attention", str, "linear", None,
               "Let inside and outside ignore each other by this schedule.",
               {"choices": tuple(SCHEDULES)}),
        Option("--warp", Path, None, "RENDERS",
               "Use no model: warp the best-fitting person of these renders into the mask. "
               "Default: off."),
        Option("--donor-size", int, 48, "PX",
               "With --warp, skip persons smaller than this."),
    ],
    "crops": [
        Option("--size", int, None, "PX",
               "Paint crops of this longer side. Default: the size of the model's training "
               "images, or 512."),
        Option("--margin", float, 0.4, "SHARE",
               "Leave room around a person: this fraction of their longer side."),
        Option("--smallest", int, 24, "PX",
               "Skip persons smaller than this."),
        Option("--largest", int, None, "PX",
               "Skip persons larger than this; the bundled generator blurs those above 100. "
               "Default: no limit."),
    ],
    "filter": [
        Option("--segmenter", str, None, "M:F=X",
               "Verify every repainted person by this segmenter, e.g. "
               "pii_seg.predict:from_checkpoint=RUN/best.ckpt. Default: accept all."),
        Option("--min-iou", float, 0.85, "IOU",
               "Require this IoU of the segmenter's person with the mask."),
        Option("--iou-relative", float, None, "SHARE",
               "For a weak segmenter: accept this fraction of the IoU that it reaches before "
               "repainting, but at least 0.5. Default: off."),
        Option("--band", int, 2, "PX",
               "Ignore this band on either side of outlines."),
    ],
}  # fmt: skip


# Both trainings have these, with defaults of their own: an option that is not given is absent.
_OWN_DEFAULT: Any = argparse.SUPPRESS

TRAIN_OPTIONS = {
    "data": [
        Option("--data", Path, None, "DATASET",
               "Train on these datasets of renders (required).",
               {"nargs": "+"}),
        Option("--output", Path, None, "RUN",
               "Write to this folder; it is created (required)."),
        Option("--base", str, None, "FOLDER|NAME",
               "Train a LoRA on this model: a folder in diffusers' layout, or a name at a hub. "
               "Default: train the small generator."),
        Option("--prompts", Path, DEFAULT, "TOML",
               "Draw prompts from this grammar.",
               {"help": "Draw prompts from this grammar. Default: the bundled prompts.toml."}),
        Option("--smallest", int, 32, "PX",
               "Skip persons smaller than this."),
        Option("--overwrite", bool, False, None,
               "Delete the run in --output first."),
    ],
    "training": [
        Option("--steps", int, _OWN_DEFAULT, "N",
               "Train N steps. Default: 20000; with --base 2000."),
        Option("--batch-size", int, _OWN_DEFAULT, "N",
               "Train on N crops a step. Default: 8; with --base 4."),
        Option("--learning-rate", float, _OWN_DEFAULT, "R",
               "Train with this rate at most. Default: 3e-4; with --base 1e-4."),
        Option("--size", int, _OWN_DEFAULT, "PX",
               "Train on crops of this side. Default: 128; with --base that of its training "
               "images."),
        Option("--seed", parse_seed, _OWN_DEFAULT, "N",
               "Draw weights and batches from this seed. Default: 0."),
        Option("--device", str, "auto", "NAME",
               "Compute on auto, cpu, cuda, cuda:1, mps."),
        Option("--precision", str, "bf16", None,
               "Compute in bf16 or float32.",
               {"choices": ("bf16", "float32")}),
        Option("--save-every", int, 500, "N",
               "Save the state every N steps."),
    ],
    "small generator": [
        Option("--channels", int, _OWN_DEFAULT, "N",
               "Give the UNet's levels these channels. Default: 128 128 160.",
               {"nargs": "+"}),
        Option("--factor", int, _OWN_DEFAULT, "N",
               "Move N × N pixels into each place of the latents. Default: 4."),
        Option("--prediction", str, _OWN_DEFAULT, "KIND",
               "Let the UNet predict the image (sample) or the velocity (v_prediction). Default: "
               "sample."),
    ],
    "LoRA (with --base)": [
        Option("--rank", int, _OWN_DEFAULT, "N",
               "Give its matrices this rank. Default: 8."),
        Option("--gradient-checkpointing", bool, False, None,
               "Train in far less memory, a third slower."),
    ],
}  # fmt: skip
