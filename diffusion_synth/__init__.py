"""Repainting of persons inside their exact shape, by shape-guided diffusion.

    from diffusion_synth import Repainter, load_pipeline, repaint_dataset

    repainter = Repainter.from_pipeline(load_pipeline())     # the bundled generator
    repaint_dataset("renders", "repainted", repainter)

The names are imported on first use (PEP 562), so importing the package loads neither torch nor
diffusers.

Licence: Apache-2.0 (LICENSES/Apache-2.0.txt).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion_synth.pipeline.loading import load_pipeline
    from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
    from diffusion_synth.repaint.repaint_dataset import repaint_dataset
    from diffusion_synth.repaint.repaint_image import Repainter

__all__ = ["Repainter", "ShapeGuidedPipeline", "load_pipeline", "repaint_dataset"]

_MODULES = {
    "Repainter": "diffusion_synth.repaint.repaint_image",
    "ShapeGuidedPipeline": "diffusion_synth.pipeline.shape_guided",
    "load_pipeline": "diffusion_synth.pipeline.loading",
    "repaint_dataset": "diffusion_synth.repaint.repaint_dataset",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
