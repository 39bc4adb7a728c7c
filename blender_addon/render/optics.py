"""Effects of a lens on linear light. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def vignette(height: int, width: int, loss: float) -> NDArray[np.float32]:
    """cos⁴-like falloff that loses `loss` in the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return (1.0 - loss * ((x * x + y * y) / 2.0) ** 1.5).astype(np.float32)
