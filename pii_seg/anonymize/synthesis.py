"""The painter of the style synthesise: other persons, drawn by a diffusion model from fresh noise.

The model gets an image from which the persons are gone already (`redaction.synthesise`), so that
nothing of them but their outline can influence what is painted.
"""

from __future__ import annotations

import threading

import numpy as np

from diffusion_synth.pipeline.loading import bundled_model, load_pipeline
from diffusion_synth.prompts.grammar import DEFAULT, read_grammar
from diffusion_synth.repaint.crops import CropSettings, cut, paste_back
from diffusion_synth.repaint.filtering import is_flat
from diffusion_synth.repaint.paint_request import PaintRequest, SizedPainter
from diffusion_synth.repaint.painters import PipelinePainter
from pii_seg.anonymize.redaction import Painter
from pii_seg.inference.dilation import components

STEPS = 20


def load_painter(model: str | None = None, *, device: str = "cpu", steps: int = STEPS) -> Painter:
    """Load the painter.

    Args:
        model: A folder or a name on the model hub, as diffusion_synth.run takes it; None: the
            bundled generator.
        device: "cpu", "cuda", "cuda:1", "mps", …
        steps: Number of denoising steps.

    Raises:
        CheckpointError: The model cannot be loaded.
    """
    pipeline = load_pipeline(model or bundled_model(), device=device)
    paint = PipelinePainter(pipeline, {"mode": "blend", "num_inference_steps": steps})
    return image_painter(paint, pipeline.size_multiple)


def image_painter(paint_crops: SizedPainter, multiple: int) -> Painter:
    """Turn a painter of crops into a painter of images, which paints one person after another.

    Args:
        paint_crops: Paints crops of its own size.
        multiple: Divides the sides of a crop, in px.
    """
    grammar = read_grammar(DEFAULT)
    crops = CropSettings(size=paint_crops.size, multiple=multiple, smallest=1)
    one_at_a_time = threading.Lock()  # painting changes the attention of the shared model

    def paint(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        result = image
        for rows, columns, inside in components(mask):
            person = np.zeros_like(mask)
            person[rows, columns] = inside
            crop = cut(image, person, crops)
            if not crop.mask.any():  # thinner than a pixel of the crop: stays inpainted
                continue
            words, noise = (int(value) for value in rng.integers(1 << 62, size=2))
            request = PaintRequest(crop, grammar.draw([words], {}), noise)
            with one_at_a_time:
                (painting,) = paint_crops([request])
            if is_flat(painting, crop.mask):
                raise FloatingPointError(
                    "the model paints flat colour in place of a person; its numbers may overflow: "
                    "give another model, or another style"
                )
            result = paste_back(result, person, crop, painting)
        return result

    return paint
