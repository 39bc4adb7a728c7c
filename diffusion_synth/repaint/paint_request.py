"""Requests for painters, and the types of painters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from diffusion_synth.prompts.grammar import Prompt
from diffusion_synth.repaint.crops import Crop
from diffusion_synth.repaint.dataset_reader import Scene


@dataclass(frozen=True)
class PaintRequest:
    """A crop to paint.

    Attributes:
        crop: The person and their surroundings.
        prompt: The prompts for both.
        seed: The number that all noise follows from.
        scene: The scene of the image that the crop was cut from.
    """

    crop: Crop
    prompt: Prompt
    seed: int
    scene: Scene | None = None


Painter = Callable[[Sequence[PaintRequest]], list[np.ndarray]]
"""Requests with crops of one size → painted crops, uint8 (h, w, 3) each."""


class SizedPainter(Protocol):
    """A painter with the longer side, px, of crops that it paints best."""

    @property
    def size(self) -> int: ...

    def __call__(self, requests: Sequence[PaintRequest]) -> list[np.ndarray]: ...
