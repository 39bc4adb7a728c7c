"""Cycles, set up once and used for one frame after another.

The passes leave Blender in one multilayer EXR: the render call writes it itself, without a
compositor, and `exr` reads it in a millisecond. (Blender's own access to its pixels, Render Result
and Viewer, is empty without a window.)
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import compat, exr
from .devices import Device
from .lens_warp import LensWarp
from .passes import TABLE, Pass, PassRow, Readout
from .quiet import quiet

_MEMORY_FOLDER = Path("/dev/shm")  # Linux: files in memory
_MEMORY_NEEDED = 1 << 30  # bytes free there, else the disk is used: containers may have very little


@dataclass(frozen=True, eq=False)
class Frame:
    """One rendered frame.

    Attributes:
        arrays: Each requested pass as an array, see passes.TABLE.
        seconds: Time inside Blender's own render call.
    """

    arrays: dict[Pass, NDArray[Any]]
    seconds: float


def configure(
    scene: Any,
    *,
    width: int,
    height: int,
    samples: int,
    device: Device,
    passes: Sequence[Pass | str] = (Pass.IMAGE, Pass.INSTANCES),
    bounces: int = 4,
    seed: int = 0,
    denoise: bool = False,
    clamp: float = 10.0,
    film_transparent: bool = False,
    threads: int = 0,
) -> None:
    """Set `scene` up to render passes of its first view layer with Cycles.

    Call it before every frame; values that are set already are left alone. It touches render
    settings and passes only, never camera, world, objects or motion blur.

    Args:
        scene: The Blender scene.
        width, height: Size of the image, px.
        samples: Paths per pixel.
        bounces: Largest number of light bounces.
        seed: Seed of Cycles' sampling; the same scene and seed on the same device give the same
            bytes.
        denoise: Whether OIDN takes the noise of Cycles out of the pass IMAGE; no other pass
            changes.
        clamp: Limit of the light that one sample brings indirectly (linear); 0 for none.
        device: The device, see devices.pick_device.
        passes: Names of the passes.
        film_transparent: The world lights but is not visible (IMAGE has alpha < 1 there).
        threads: CPU threads; 0 leaves the number to Blender.

    Raises:
        ValueError: An unknown pass, or a Blender without the denoiser.
    """
    rows = [TABLE[Pass(name)] for name in passes]
    _configure_output(scene, width, height, film_transparent, threads)
    _configure_sampling(scene, samples, bounces, seed, device)
    _configure_cleaning(scene, denoise, clamp)
    compat.set_multilayer_exr(scene.render.image_settings)
    if _enable_passes(scene.view_layers[0], rows):
        # Persistent data keeps shaders that were compiled without the new AOVs. Switching it off
        # drops them.
        scene.render.use_persistent_data = False
        scene.render.use_persistent_data = True


def _configure_output(
    scene: Any, width: int, height: int, film_transparent: bool, threads: int
) -> None:
    _set(
        scene.render,
        engine="CYCLES",
        resolution_x=width,
        resolution_y=height,
        resolution_percentage=100,
        pixel_aspect_x=1.0,
        pixel_aspect_y=1.0,
        film_transparent=film_transparent,
        use_border=False,
        # Keep unchanged geometry, textures and BVH: half the time per frame.
        use_persistent_data=True,
        use_compositing=False,
        use_sequencer=False,
        use_multiview=False,
        use_stamp=False,
        use_file_extension=False,
        use_lock_interface=True,
        threads_mode="FIXED" if threads else "AUTO",
        **({"threads": threads} if threads else {}),
    )


def _configure_sampling(scene: Any, samples: int, bounces: int, seed: int, device: Device) -> None:
    _set(
        scene.cycles,
        device="GPU" if device.is_gpu else "CPU",
        samples=samples,
        seed=seed % 2**31,
        use_animated_seed=False,
        # Every pixel gets the same noise, and coverage the same precision.
        use_adaptive_sampling=False,
        # With a world and a sun or a few lamps, the light tree more than doubles the variance
        # (measured with a panorama and a sun at 16 samples: RMSE 0.20 against 0.13) and costs a
        # tenth of the time. It is for hundreds.
        use_light_tree=False,
        max_bounces=bounces,
        diffuse_bounces=bounces,
        glossy_bounces=bounces,
        transmission_bounces=bounces,
        transparent_max_bounces=8,
        caustics_reflective=False,
        caustics_refractive=False,
        # A box of one pixel, as a sensor's: a pixel's colour and coverage are those of its own
        # square and no other.
        pixel_filter_type="BOX",
        use_auto_tile=False,
    )


def _configure_cleaning(scene: Any, denoise: bool, clamp: float) -> None:
    """Set the denoiser, which changes the colour alone, and the limit of fireflies."""
    if denoise:
        try:
            _set(scene.cycles, denoiser="OPENIMAGEDENOISE")
        except TypeError:  # some distributions build Blender without it
            raise ValueError(
                "this Blender has no OpenImageDenoise: set [render] denoise = false"
            ) from None
    _set(scene.cycles, sample_clamp_indirect=clamp, use_denoising=denoise)
    if denoise:
        _set(
            scene.cycles,
            # Albedo and normals as guides keep fabric and edges.
            denoising_input_passes="RGB_ALBEDO_NORMAL",
            denoising_prefilter="FAST",
            denoising_quality="HIGH",
            denoising_use_gpu=False,
        )


def render(
    scene: Any,
    persons: Sequence[Sequence[str]],
    passes: Sequence[Pass | str] = (Pass.IMAGE, Pass.INSTANCES),
    warp: LensWarp | None = None,
) -> Frame:
    """Render the current frame of a scene that `configure` set up for (at least) these passes.

    Args:
        scene: The Blender scene.
        persons: `persons[k - 1]` are the names of all objects (body, hair, garments, …) of person
            k.
        passes: Names of the passes to return.
        warp: The lens, where the scene's camera has the view that is rendered for it.

    Raises:
        RuntimeError: Blender cannot render (the message has its reason), or leaves no image.
        KeyError: A pass was not configured.
        ValueError: An unknown pass, or objects with the same id.
    """
    import bpy

    path = aim(scene)
    start = time.perf_counter()
    with quiet():
        bpy.ops.render.render(write_still=True, scene=scene.name)
    seconds = time.perf_counter() - start
    return Frame(collect(scene, persons, passes, path, warp), seconds)


def aim(scene: Any) -> Path:
    """Let the next still of `scene` be written to a scratch file, and return that file.

    For callers that start Blender's render operator themselves, with write_still; `collect` comes
    after it.
    """
    path = _scratch_folder() / "frame.exr"
    path.unlink(missing_ok=True)  # of a render that was broken off
    scene.render.filepath = str(path)
    return path


def collect(
    scene: Any,
    persons: Sequence[Sequence[str]],
    passes: Sequence[Pass | str],
    path: Path,
    warp: LensWarp | None = None,
) -> dict[Pass, NDArray[Any]]:
    """Read the passes of the frame that Blender wrote to `path` (from `aim`), and delete the file.
    Arguments and errors are those of `render`.
    """
    wanted = [Pass(name) for name in passes]
    if not path.exists():
        raise RuntimeError(
            f"Blender wrote no image; the render was cancelled, or {path.parent} is full"
        )
    try:
        layers = exr.read_passes(path, scene.view_layers[0].name)
    finally:
        path.unlink()  # a killed process leaves at most one frame behind
    frame = Readout(layers, persons, _world_to_camera(scene.camera), warp)
    arrays = {name: TABLE[name].read(frame) for name in wanted}
    size = (scene.render.resolution_y, scene.render.resolution_x)
    _check_size(arrays, size if warp is None else (warp.height, warp.width))
    return arrays


def _world_to_camera(camera: Any) -> NDArray[np.float64]:
    """3×3 rotation from the world to the camera in OpenCV axes (x right, y down, z forward)."""
    # matrix_world is only as new as the last update of the window's scene, which a batch never
    # makes: follow the parents instead. (Constraints are not followed; the stage uses none.)
    matrix = camera.matrix_basis
    while camera.parent is not None:
        matrix = camera.parent.matrix_basis @ camera.matrix_parent_inverse @ matrix
        camera = camera.parent
    rotation = np.array(
        matrix.to_3x3().normalized()
    )  # columns: the camera's x right, y up, z backward
    return np.diag([1.0, -1.0, -1.0]) @ rotation.T


def _enable_passes(view_layer: Any, rows: Sequence[PassRow]) -> bool:
    """Enable exactly the passes of `rows`. Returns whether the AOVs have changed."""
    wanted = {name: value for row in rows for name, value in row.view_layer.items()}
    unwanted = {
        name: False
        for row in TABLE.values()
        for name, value in row.view_layer.items()
        if isinstance(value, bool)
    }
    _set(view_layer, **{**unwanted, **wanted})
    aovs = [name for row in rows for name in row.aovs]
    if [aov.name for aov in view_layer.aovs] == aovs:
        return False
    while len(view_layer.aovs):
        view_layer.aovs.remove(view_layer.aovs[0])
    for name in aovs:
        aov = view_layer.aovs.add()
        aov.name, aov.type = name, "COLOR"
    return True


def _set(target: Any, **values: Any) -> None:
    """Assign a value that differs: assigning even an equal value makes Blender update all that
    depends on it.
    """
    for name, value in values.items():
        if getattr(target, name) != value:
            setattr(target, name, value)


def _check_size(arrays: dict[Pass, NDArray[Any]], expected: tuple[int, int]) -> None:
    for name, array in arrays.items():
        if array.shape[:2] != expected:
            raise RuntimeError(f"pass {name} is {array.shape[:2]}, asked for {expected}")


@functools.cache
def _scratch_folder() -> Path:
    """A private folder of this process, deleted when it ends; in memory where there is room."""
    parent = None
    if (
        os.access(_MEMORY_FOLDER, os.W_OK)
        and shutil.disk_usage(_MEMORY_FOLDER).free >= _MEMORY_NEEDED
    ):
        parent = _MEMORY_FOLDER
    _kept.append(
        tempfile.TemporaryDirectory(prefix="pii_synth-", dir=parent, ignore_cleanup_errors=True)
    )
    return Path(_kept[-1].name)


_kept: list[tempfile.TemporaryDirectory[str]] = []
