"""The painter of style synthesise: other persons, by a model of diffusion_synth, from fresh noise alone.

It is shown a picture from which the persons are gone already (`redaction.synthesise`), so nothing of them but their
outline can reach what is painted.
"""

from __future__ import annotations

import threading

import numpy as np

from diffusion_synth.pipeline.loading import default_model, load_pipeline
from diffusion_synth.prompts.grammar import DEFAULT, read_grammar
from diffusion_synth.repaint.crops import CropSettings, cut, paste_back
from diffusion_synth.repaint.painters import PipelinePainter
from diffusion_synth.repaint.repaint_image import Order, SizedPainter
from pii_seg.anonymize.redaction import Painter
from pii_seg.anonymize.regions import components

STEPS = 20


def painter_of(model: str | None = None, *, device: str = "cpu", steps: int = STEPS) -> Painter:
    """model: a folder or a hub's name, as diffusion_synth.run takes it; None: the one that comes along.

    Raises ModelError.
    """
    pipeline = load_pipeline(model or default_model(), device=device)
    paint = PipelinePainter(pipeline, {"mode": "blend", "num_inference_steps": steps})
    return synthesising(paint, pipeline.size_multiple)


def synthesising(paint: SizedPainter, multiple: int) -> Painter:
    """Of crops whose sides divide by `multiple`: a painter of pictures."""
    grammar, crops = (
        read_grammar(DEFAULT),
        CropSettings(size=paint.size, multiple=multiple, smallest=1),
    )
    one_at_a_time = threading.Lock()  # the model's attention is changed while it paints

    def painted(picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        result = picture
        for rows, columns, inside in components(mask):
            person = np.zeros_like(mask)
            person[rows, columns] = inside
            crop = cut(picture, person, crops)
            if not crop.mask.any():  # thinner than a pixel of the crop: the emptied picture stands
                continue
            words, noise = (int(value) for value in rng.integers(1 << 62, size=2))
            order = Order(crop, grammar.draw([words], {}), noise)
            with one_at_a_time:
                (painting,) = paint([order])
            result = paste_back(result, person, crop, painting)
        return result

    return painted
