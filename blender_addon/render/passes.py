"""The table of render passes. A new pass is a row here and one in dataset.PASS_FILES; a test names
a pass that lacks one of the two.

Cycles' channels are named as in the EXR that `engine` makes it write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cryptomatte, image_files, part_labels, warped_parts
from .lens_warp import LensWarp

CRYPTOMATTE_LEVELS = (
    4  # objects told apart in one pixel: two colour channels' pairs of (id, coverage), twice
)

_NOTHING = 1e9  # m: Cycles writes 1e10 where no surface is


class Pass(StrEnum):
    """The names of the passes in recipes."""

    IMAGE = "image"
    INSTANCES = "instances"
    ALPHA = "alpha"
    PARTS = "parts"
    DEPTH = "depth"
    NORMALS = "normals"


@dataclass(eq=False)
class Readout:
    """The data of one frame from which passes are read.

    Attributes:
        layers: float32 (H, W, C) by Cycles' pass name, top row first.
        persons: `persons[k - 1]` names all objects of person k.
        world_to_camera: Rotation 3×3 to OpenCV camera axes.
        warp: The lens, where the layers are those of a view rendered in place of the image.
    """

    layers: Mapping[str, NDArray[np.float32]]
    persons: Sequence[Sequence[str]]
    world_to_camera: NDArray[np.float64]
    warp: LensWarp | None = None

    def layer(self, name: str) -> NDArray[np.float32]:
        """A layer by its name. Raises KeyError, listing the layers, for one that is missing."""
        try:
            return self.layers[name]
        except KeyError:
            there = ", ".join(sorted(self.layers))
            raise KeyError(
                f"Cycles wrote no {name!r}: configure the pass first; there is: {there}"
            ) from None

    def mean(self, name: str) -> NDArray[np.float32]:
        """A layer of light or of vectors as the image has it."""
        layer = self.layer(name)
        return layer if self.warp is None else self.warp.mean(layer)

    @cached_property
    def coverage(self) -> cryptomatte.Coverage:
        ranks = np.concatenate(
            [self.layer(f"CryptoObject{i:02}") for i in range(CRYPTOMATTE_LEVELS // 2)], axis=-1
        )
        return cryptomatte.person_coverage(ranks, cryptomatte.PersonIds.of(self.persons), self.warp)

    @cached_property
    def instances(self) -> NDArray[np.unsignedinteger[Any]]:
        return cryptomatte.instance_mask(self.coverage, len(self.persons))


def _image(frame: Readout) -> NDArray[np.float32]:
    return frame.mean("Combined")


def _instances(frame: Readout) -> NDArray[np.unsignedinteger[Any]]:
    return frame.instances


def _alpha(frame: Readout) -> NDArray[np.uint8]:
    return np.rint(frame.coverage.total * 255).astype(np.uint8)


def _parts(frame: Readout) -> NDArray[np.uint8]:
    layers = [frame.layer(aov) for aov in part_labels.AOVS]
    if frame.warp is not None:
        return warped_parts.decode_warped(layers, frame.instances, frame.warp)
    shares = np.concatenate([layer[..., :3] for layer in layers], axis=-1)
    return part_labels.decode(shares, frame.instances)


def _depth(frame: Readout) -> NDArray[np.float32]:
    z = frame.layer("Depth")
    if frame.warp is not None:
        z = np.where(z < _NOTHING, z, np.float32(np.inf))
        if frame.warp.view.polynomial:  # Cycles measures along the ray there
            z = z * frame.warp.view.cosines()[..., None]
        z = frame.warp.middle(z)
        z[~frame.warp.shown] = np.inf
    return np.where(z[..., 0] < _NOTHING, z[..., 0], np.float32(np.inf))


def _normals(frame: Readout) -> NDArray[np.float16]:
    normals = frame.mean("Normal") @ frame.world_to_camera.T.astype(np.float32)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    # Averaged over the samples of a pixel, normals of an edge are shorter than 1.
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 1e-6).astype(
        np.float16
    )


@dataclass(frozen=True)
class PassRow:
    """One pass: how it is rendered, read and encoded. dataset.PASS_FILES has its place on disk.

    Attributes:
        array: Shape, dtype and unit of the result of `read`.
        read: Takes the array from a frame.
        encode: Turns the array into the bytes of the file. The image has none: the sensor develops
            it first, and the recipe chooses its format.
        view_layer: Attributes to set on the view layer.
        aovs: Shader AOVs (colours) that the pass needs.
    """

    array: str
    read: Callable[[Readout], NDArray[Any]]
    encode: Callable[[NDArray[Any]], bytes] | None
    view_layer: Mapping[str, Any]
    aovs: tuple[str, ...] = ()


_CRYPTOMATTE = {"use_pass_cryptomatte_object": True, "pass_cryptomatte_depth": CRYPTOMATTE_LEVELS}
_PNG, _NPY = image_files.encode_png, image_files.encode_npy

# fmt: off
TABLE: dict[Pass, PassRow] = {
    Pass.IMAGE: PassRow(
        "(H, W, 4) float32, linear Rec. 709, premultiplied alpha",
        _image, None, {"use_pass_combined": True}),
    Pass.INSTANCES: PassRow(
        "(H, W) uint8, uint16 beyond 255 persons: 0 background, k person k",
        _instances, _PNG, _CRYPTOMATTE),
    Pass.ALPHA: PassRow(
        "(H, W) uint8: share of the pixel that persons cover, 0..255",
        _alpha, _PNG, _CRYPTOMATTE),
    Pass.PARTS: PassRow(
        "(H, W) uint8: body part 1..24, 0 none",
        _parts, _PNG, _CRYPTOMATTE, part_labels.AOVS),
    Pass.DEPTH: PassRow(
        "(H, W) float32, m along the camera's z axis (not the ray), inf where nothing is",
        _depth, _NPY, {"use_pass_z": True}),
    Pass.NORMALS: PassRow(
        "(H, W, 3) float16: unit normals in OpenCV camera axes, 0 where nothing is",
        _normals, _NPY, {"use_pass_normal": True}),
}
# fmt: on
