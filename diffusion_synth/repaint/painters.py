"""Who paints: a pipeline, or the warp baseline. Both take orders and give crops back (`repaint_image.Painter`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.repaint.repaint_image import Order
from diffusion_synth.repaint.warping import DonorBank, warp_into

USUAL_SIZE = 512  # px


@dataclass(frozen=True)
class PipelinePainter:
    """options: of the pipeline's call, such as mode, num_inference_steps and guidance_scale."""

    pipeline: ShapeGuidedPipeline
    options: dict[str, Any]

    @property
    def size(self) -> int:
        """Longer side of the crops that it paints best, px."""
        return self.pipeline.native_size or USUAL_SIZE

    def __call__(self, orders: Sequence[Order]) -> list[np.ndarray]:
        answer: Any = self.pipeline(
            np.stack([order.crop.image for order in orders]).astype(np.float32) / 255,
            [order.crop.mask for order in orders],
            inside=[order.prompt.inside for order in orders],
            outside=[order.prompt.outside for order in orders],
            negative=[order.prompt.negative for order in orders],
            # A generator each: what is painted does not depend on who shares the batch. On the CPU, so that every
            # device begins with the same noise.
            generator=[torch.Generator().manual_seed(order.seed) for order in orders],
            output_type="np",
            **self.options,
        )
        return list((answer.images * 255).round().astype(np.uint8))


@dataclass(frozen=True)
class WarpPainter:
    """The control without a model."""

    donors: DonorBank
    size: int = USUAL_SIZE

    def __call__(self, orders: Sequence[Order]) -> list[np.ndarray]:
        return [
            warp_into(
                order.crop.image, order.crop.mask, self.donors.best(order.crop.mask, order.scene)[0]
            )
            for order in orders
        ]
