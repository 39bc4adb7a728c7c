"""Convert decoded frames to arrays: upright as players show them, in 8-bit RGB."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.reformatter import Colorspace

from pii_seg.errors import MediaError

SD_HEIGHT = 576
"""Videos that name no colour space use ITU-R BT.601 up to this height in px, BT.709 above."""

# Numbers of ITU-T H.273, as FFmpeg uses them.
UNSPECIFIED = (0, 2, 3)
MATRICES = (1, 4, 5, 6, 7, 9)
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
TRANSFERS = (1, 4, 5, 6, 7, 11, 12, 13, 14, 15)

SCALE = 1 << 16
"""One, in a display matrix."""


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to turn a frame upright: flip it along both axes, then transpose it.

    Attributes:
        flips: Rows, and columns, are reversed.
        swaps: Then rows become columns.
    """

    flips: tuple[bool, bool] = (False, False)
    swaps: bool = False

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Turn an array (H, W, C)."""
        rows, columns = (slice(None, None, -1 if flip else 1) for flip in self.flips)
        array = array[rows, columns]
        return array.swapaxes(0, 1) if self.swaps else array


def turn_of(frame: Any) -> Turn:
    """Return how the frame asks to be shown.

    The display matrix (ISO/IEC 14496-12 §8.3.2, `a b u c d v x y w`) takes a pixel (x, y) to
    (a·x + c·y, b·x + d·y); how far it is moved then does not matter.

    Raises:
        MediaError: It is turned by no multiple of a quarter, or sheared.
    """
    matrix = _display_matrix(frame)
    if matrix is None:
        return Turn()
    a, b, c, d = matrix
    if a and d and not b and not c:
        return Turn((d < 0, a < 0))
    if b and c and not a and not d:
        return Turn((c < 0, b < 0), swaps=True)
    raise MediaError(
        f"is turned by {frame.rotation}°, which is no quarter; turn it upright with a video editor"
    )


def _display_matrix(frame: Any) -> tuple[float, float, float, float] | None:
    """Return a, b, c, d, rounded to a hundredth; None if there is none."""
    try:
        data = bytes(frame.side_data["DISPLAYMATRIX"])
    except KeyError:
        return None
    a, b, _, c, d = struct.unpack("=5i", data[:20])
    size = max(map(abs, (a, b, c, d)))
    if not size:
        return None
    a, b, c, d = (round(value / size, 2) for value in (a, b, c, d))
    return a, b, c, d


def default_colours(height: int) -> Colorspace:
    """Return the colour space that videos of this height use unless they name one."""
    return Colorspace.ITU601 if height <= SD_HEIGHT else Colorspace.ITU709


def to_pixels(frame: Any) -> np.ndarray:
    """Convert to uint8 (H, W, 3).

    Raises:
        MediaError: The colours would come out wrong.
    """
    transfer, matrix = frame.color_trc, frame.colorspace
    if transfer in HDR_TRANSFERS:
        raise MediaError(
            f"is HDR ({HDR_TRANSFERS[transfer]}); convert it to standard range with a video editor"
        )
    if transfer not in TRANSFERS and transfer not in UNSPECIFIED:
        raise MediaError(
            f"has a transfer curve that is not known here (number {transfer}); convert it to "
            "BT.709 with a video editor"
        )
    given = None
    if not frame.format.is_rgb:
        if matrix in UNSPECIFIED:
            given = default_colours(frame.height)
        elif matrix not in MATRICES:
            raise MediaError(
                f"has a colour matrix that is not known here (number {matrix}); convert it to "
                "BT.709 with a video editor"
            )
    array: np.ndarray = frame.to_ndarray(format="rgb24", src_colorspace=given)
    return array


def frame_losses(frame: Any) -> list[str]:
    """Say what a frame holds that 8-bit RGB does not."""
    losses = []
    components = frame.format.components
    bits = max((component.bits for component in components), default=8)
    if bits > 8:
        losses.append(f"{bits}-bit colours became 8-bit")
    if any(component.is_alpha for component in components):
        losses.append("left out: the transparency of the video")
    if frame.interlaced_frame:
        losses.append("its interlaced fields became whole frames")
    return losses
