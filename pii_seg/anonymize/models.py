"""Load the models of an anonymizer; what takes time to import is imported only where it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pii_seg.anonymize.redaction import Painter
from pii_seg.errors import InputError
from pii_seg.inference.settings import InferenceSettings

if TYPE_CHECKING:
    from pii_seg.anonymize.detector import Detector


def load_detector(checkpoint: Path, inference: InferenceSettings, **settings: Any) -> Detector:
    """Load a `Detector`. Here, because masks do not need what it imports."""
    from pii_seg.anonymize import detector

    return detector.Detector(checkpoint, inference, **settings)


def load_painter(generator: str | None, device: str) -> Painter:
    """Load the painter of synthesise. Here, because diffusers takes seconds to import."""
    from pii_seg.anonymize import synthesis

    try:
        return synthesis.load_painter(generator, device=device)
    except ValueError as error:
        raise InputError(str(error)) from None


def identify_generator(generator: str | None) -> str:
    """Return the hash of a model's files; for a model of the hub its name."""
    from diffusion_synth.pipeline.loading import bundled_model, model_identity

    return model_identity(generator or bundled_model())
