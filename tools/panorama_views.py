"""Photos without people from panoramas: what a camera would have taken, standing in them.

A panorama of a free licence is as real as a photo, and shows a place in every direction. Each view
has its own direction, focal length and exposure, drawn from the panorama's name.

    python tools/panorama_views.py PANORAMAS --output FOLDER [--views 12]
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (240, 320)  # height, width; a panorama of 1024 px has about as much in a view


def directions(
    yaw: float, pitch: float, field_of_view: float, size: tuple[int, int]
) -> NDArray[np.float64]:
    """The direction of each pixel, (H, W, 3) of unit length: x right, y ahead, z up.

    Args:
        yaw, pitch: Where the camera looks, radians; from straight ahead to the right, and up.
        field_of_view: Across the width, radians.
        size: Height and width, px.
    """
    height, width = size
    plane = np.tan(field_of_view / 2) / (width / 2)
    x = (np.arange(width) - (width - 1) / 2) * plane
    z = ((height - 1) / 2 - np.arange(height)) * plane
    right, up = np.meshgrid(x, z)
    ahead = np.cos(pitch) - up * np.sin(pitch)
    rise = np.sin(pitch) + up * np.cos(pitch)
    rays = np.stack(
        [
            right * np.cos(yaw) + ahead * np.sin(yaw),
            ahead * np.cos(yaw) - right * np.sin(yaw),
            rise,
        ],
        axis=-1,
    )
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def look(panorama: NDArray[np.float32], rays: NDArray[np.float64]) -> NDArray[np.float32]:
    """The panorama (H, W, 3; equirectangular, top row first) seen along `rays` (h, w, 3)."""
    height, width = panorama.shape[:2]
    wrapped = np.concatenate([panorama, panorama[:, :1]], axis=1)  # left and right edge meet
    column = (np.arctan2(rays[..., 0], rays[..., 1]) / (2 * np.pi) + 0.5) * width % width
    row = (0.5 - np.arcsin(np.clip(rays[..., 2], -1, 1)) / np.pi) * height - 0.5
    return cv2.remap(
        wrapped,
        column.astype(np.float32),
        np.clip(row, 0, height - 1).astype(np.float32),
        cv2.INTER_LINEAR,
    )


def develop(
    light: NDArray[np.float32], middle: float, metered: float | None = None
) -> NDArray[np.uint8]:
    """Expose linear light (H, W, 3) so that `metered`, or its median, becomes `middle` (0 to 1), as
    8-bit sRGB.
    """
    light = np.nan_to_num(np.clip(light, 0, None), posinf=1e6)
    metered = float(np.median(light.mean(axis=-1))) if metered is None else metered
    exposed = 1 - np.exp(light * (np.log(1 - middle) / max(metered, 1e-6)))
    low, high = 12.92 * exposed, 1.055 * exposed ** (1 / 2.4) - 0.055
    return np.round(np.where(exposed <= 0.0031308, low, high) * 255).astype(np.uint8)


def read(path: Path) -> NDArray[np.float32]:
    """Linear RGB (H, W, 3), top row first, by Blender, which knows every compression of EXR."""
    import bpy

    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return np.ascontiguousarray(pixels.reshape(height, width, 4)[::-1, :, :3])


def main(argv: list[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("panoramas", type=Path, help="A folder of .exr or .hdr files.")
    parser.add_argument("--output", type=Path, required=True, help="The folder of the views.")
    parser.add_argument("--views", type=int, default=12, help="Views of each panorama.")
    parser.add_argument("--without", nargs="*", default=[], help="Names of files to leave out.")
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    files = [p for p in sorted(arguments.panoramas.iterdir()) if p.suffix in {".exr", ".hdr"}]
    for path in files:
        if path.stem in arguments.without:
            continue
        panorama = read(path)
        for number in range(arguments.views):
            rng = np.random.default_rng([zlib.crc32(path.stem.encode()), number])
            yaw = 2 * np.pi * (number + rng.uniform(-0.4, 0.4)) / arguments.views
            pitch, field_of_view = np.radians([rng.normal(-4, 9), rng.uniform(55, 95)])
            view = look(panorama, directions(yaw, pitch, field_of_view, SIZE))
            pixels = develop(view, rng.uniform(0.12, 0.3))
            target = arguments.output / f"{path.stem}-{number:02d}.jpg"
            cv2.imwrite(str(target), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return 0


if __name__ == "__main__":
    sys.exit(main())
