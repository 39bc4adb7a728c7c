"""Painters of crops: a pipeline, or the warp baseline. Both are a `paint_request.SizedPainter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffusion_synth.repaint.dataset_reader import Dataset
from diffusion_synth.repaint.paint_request import PaintRequest, SizedPainter
from diffusion_synth.repaint.warping import DonorBank, iter_donors, warp_into

if TYPE_CHECKING:
    import torch

    from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

DEFAULT_SIZE = 512  # px


@dataclass(frozen=True)
class PipelinePainter:
    """Painter of crops by a pipeline.

    Attributes:
        pipeline: The model.
        options: Options of its call, such as mode, num_inference_steps and guidance_scale.
    """

    pipeline: ShapeGuidedPipeline
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Longer side, px, of crops that the model paints best."""
        return self.pipeline.native_size or DEFAULT_SIZE

    def __call__(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]:
        """Paint crops of one size. Returns uint8 (h, w, 3) for each."""
        import torch  # here, since the warp baseline needs no torch

        negative = [request.prompt.negative for request in requests]
        output: Any = self.pipeline(
            np.stack([request.crop.image for request in requests]).astype(np.float32) / 255,
            [request.crop.mask for request in requests],
            inside=[request.prompt.inside for request in requests],
            outside=[request.prompt.outside for request in requests],
            # Without negative prompts, models have an empty one of their own.
            negative=negative if any(negative) else None,
            # One generator each, so a result does not depend on the rest of its batch. On the CPU,
            # so that every device begins with the same noise.
            generator=[torch.Generator().manual_seed(request.seed) for request in requests],
            output_type="np",
            **self.options,
        )
        return list((output.images * 255).round().astype(np.uint8))


@dataclass(frozen=True)
class WarpPainter:
    """Painter without a model: it warps the best-fitting person of other renders into the mask."""

    donors: DonorBank
    size: int = DEFAULT_SIZE

    def __call__(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]:
        """Cover the person of every crop by a donor. Returns uint8 (h, w, 3) for each."""
        return [
            warp_into(
                request.crop.image,
                request.crop.mask,
                self.donors.best(request.crop.mask, request.scene)[0],
            )
            for request in requests
        ]


@dataclass(frozen=True)
class LoadedPainter:
    """A painter and what the output's dataset.json records of it.

    Attributes:
        painter: Paints crops whose sides divide by `multiple`.
        description: All that decides what it paints, as plain data.
        multiple: Number that both sides of a crop divide by.
    """

    painter: SizedPainter
    description: dict[str, Any]
    multiple: int


def load_pipeline_painter(
    model: str | Path | None = None,
    *,
    lora: Path | None = None,
    lora_scale: float = 1.0,
    device: torch.device | str = "cpu",
    precision: str = "float32",
    mode: str = "blend",
    steps: int = 25,
    guidance: float | None = None,
    self_attention: str = "linear",
) -> LoadedPainter:
    """Load a model that paints crops.

    Args:
        model: A folder in diffusers' layout, or a name at a hub; None for the bundled generator.
        lora: A LoRA for it: a file, or a folder with one.
        lora_scale: Factor of the LoRA.
        device: Where the model is put.
        precision: "float32" or "bf16".
        mode: "blend" or "invert", see `ShapeGuidedPipeline.__call__`.
        steps: Steps of sampling.
        guidance: Guidance scale; None for the model's default.
        self_attention: Schedule of self-attention.

    Raises:
        CheckpointError: The model or the LoRA cannot be loaded.
        ConfigError: The model has no text encoder.
    """
    import torch

    from diffusion_synth.pipeline.loading import (
        bundled_model,
        load_lora,
        load_pipeline,
        model_identity,
    )
    from diffusion_synth.pipeline.lora import find_lora

    model = model or bundled_model()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    pipeline = load_pipeline(model, device=device, dtype=dtype)
    options = {
        "mode": mode,
        "num_inference_steps": steps,
        "guidance_scale": pipeline.default_guidance_scale if guidance is None else guidance,
        "self_attention": self_attention,
    }
    pipeline.encoders  # noqa: B018  raises where the model has no text encoder for the prompts
    # By content, also of a model that was downloaded.
    identity = model_identity(pipeline.name_or_path or str(model))
    description = {"model": identity, "precision": precision, **options}
    if lora is not None:
        load_lora(pipeline, lora, lora_scale)
        description["lora"] = model_identity(find_lora(lora))
        if lora_scale != 1:
            description["lora_scale"] = lora_scale
    painter = PipelinePainter(pipeline, options)
    return LoadedPainter(painter, description, pipeline.size_multiple)


def load_warp_painter(renders: Path, *, smallest_donor: int = 48) -> LoadedPainter:
    """Load the warp baseline with the persons of the dataset `renders`.

    Args:
        renders: A dataset of the contract.
        smallest_donor: Persons with a shorter longer side, px, are not used.

    Raises:
        DataError: It has no such person.
        DatasetError: It cannot be read.
    """
    bank = DonorBank(iter_donors(Dataset(renders)), smallest=smallest_donor)
    description = {"warp": bank.content_hash(), "donors": len(bank)}
    return LoadedPainter(WarpPainter(bank), description, 1)
