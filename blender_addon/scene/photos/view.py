"""The camera that took a photo, and that of a part of it. Pure numpy.

A part of a photo is what a camera at the same place sees whose optical axis does not go through the
middle of its frame: focal length and angles stay, the principal point moves.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from ...recipes.backgrounds import Background
from ..spec import CameraSpec
from .exif import FULL_FRAME_DIAGONAL
from .files import SideCar, diagonal_fov
from .lines import LineView
from .look import PhotoLook
from .spec import PhotoViewSpec

Crop = tuple[float, float, float, float]  # x, y, width, height, each 0..1 of the upright photo

DEFAULT_FOCAL = 28.0 / FULL_FRAME_DIAGONAL  # over the diagonal: a phone
DEFAULT_PITCH = -4.0  # degrees; people look down a little
# Share of the way from the horizon to the lower edge at which open ground ends where nothing shows
# it: a camera at eye level sees the ground some seven metres away there.
_UNKNOWN_GROUND = 0.4
_NEAREST_TO_HORIZON = 0.08  # of the photo's height, of where people may stand
_SKY_AT_MOST = 0.65  # share of a crop above the horizon
_GROUND_SHOWN = 0.2  # share of a crop below the upper end of the ground


def view_of(
    size: tuple[int, int],
    background: Background,
    rng: np.random.Generator,
    *,
    side_car: SideCar,
    exif_focal: float | None,
    lines: Callable[[float | None], LineView | None],
    look: PhotoLook | None,
) -> PhotoViewSpec:
    """Choose each number of a photo's camera from the best of its sources: the side-car, the
    recipe, Exif, the lines of the photo, and habit.

    Args:
        size: (width, height) of the upright photo, px.
        background: The recipe's section; its numbers are drawn.
        rng: Generator of what the recipe says, and of the height.
        side_car: What the user says about this photo.
        exif_focal: Focal length over the diagonal.
        lines: Estimates the camera from straight lines, given a focal length or not; its answer is
            None where the photo was not looked at.
        look: Sky and ground of the photo; None likewise.
    """
    W, H = size
    drawn_focal, drawn_horizon = (
        each.sample(rng) if each is not None else None
        for each in (background.photo_focal, background.photo_horizon)
    )
    height = background.photo_height.sample(rng)
    focal, focal_from = known_focal(size, side_car, drawn_focal, exif_focal)
    found = lines(focal)
    if focal is None and found is not None and found.sure:
        focal, focal_from = found.focal, "lines"
    focal = focal or DEFAULT_FOCAL
    roll = found.roll if found else 0.0
    roll = roll if side_car.roll is None else side_car.roll
    horizon = side_car.horizon
    horizon_from = "side-car"
    if horizon is None and drawn_horizon is not None:
        horizon, horizon_from = drawn_horizon, "recipe"
    if horizon is not None:
        pitch = math.degrees(math.atan((horizon - 0.5) * H / (focal * math.hypot(W, H))))
    elif found is not None:
        pitch, horizon_from = found.pitch, "lines" if found.sure else "default"
    else:
        pitch, horizon_from = DEFAULT_PITCH, "default"
    view = PhotoViewSpec(
        size=size,
        focal=round(focal, 5),
        pitch=round(pitch, 3),
        roll=round(roll, 3),
        height=round(side_car.camera_height or height, 3),
        focal_from=focal_from,
        horizon_from=horizon_from,
        height_from="side-car" if side_car.camera_height else "recipe",
    )
    return dataclasses.replace(view, ground_top=round(_ground_top(view, side_car, look), 4))


def known_focal(
    size: tuple[int, int], side_car: SideCar, drawn: float | None, exif: float | None
) -> tuple[float | None, str]:
    """(Focal length over the diagonal, where it comes from) as far as somebody states it."""
    if side_car.focal is not None:
        return side_car.focal, "side-car"
    if side_car.fov is not None:
        return diagonal_fov(side_car.fov, *size), "side-car"
    if drawn is not None:
        return drawn / FULL_FRAME_DIAGONAL, "recipe"
    return (exif, "exif") if exif is not None else (None, "default")


def horizon_of(view: PhotoViewSpec) -> float:
    """Height of the horizon in the middle of a photo, as a share from its top; may lie outside."""
    W, H = view.size
    return 0.5 + math.tan(math.radians(view.pitch)) * view.focal * math.hypot(W, H) / H


def _ground_top(view: PhotoViewSpec, side_car: SideCar, look: PhotoLook | None) -> float:
    """Upper end of the open ground, a share from the top, always below the horizon."""
    horizon = horizon_of(view)
    found = side_car.ground_top
    if found is None and look is not None and horizon < look.ground_top < 1.0:
        found = look.ground_top
    if found is None:
        found = horizon + _UNKNOWN_GROUND * max(1.0 - horizon, 0.1)
    return max(found, horizon + _NEAREST_TO_HORIZON)


def reach_of(view: PhotoViewSpec, share: float) -> float:
    """Distance along the ground (m) of what a photo shows at `share` of its height, in the middle;
    infinite at the horizon and above.
    """
    W, H = view.size
    down = math.atan((share - 0.5) * H / (view.focal * math.hypot(W, H)))
    down -= math.radians(view.pitch)
    return view.height / math.tan(down) if down > 1e-6 else math.inf


def with_ground(crop: Crop, view: PhotoViewSpec, aspect: float) -> Crop:
    """A crop moved down, as far as there is photo, until it shows ground and not sky alone.

    Args:
        crop: As it was drawn.
        view: The camera of the photo.
        aspect: Width over height of the frame.
    """
    x, y, w, h = crop
    W, H = view.size
    shown = min(h, w * W / aspect / H)  # a frame that is flatter than the crop shows its middle
    bottom = y + (h + shown) / 2
    horizon = horizon_of(view)
    moved = max(0.0, horizon + (1 - _SKY_AT_MOST) * shown - bottom)
    moved = max(moved, min(view.ground_top + _GROUND_SHOWN * shown, 1.0) - bottom)
    return (x, min(1.0 - h, y + moved), w, h)


def camera_of(
    camera: CameraSpec,
    view: PhotoViewSpec,
    crop: Crop,
    frame: tuple[int, int],
    *,
    flip: bool,
) -> CameraSpec:
    """A camera that sees what a part of a photo shows.

    Args:
        camera: The camera whose place and direction are kept.
        view: The camera of the photo.
        crop: The part that is shown; of it a frame shows the largest piece of its proportions, as
            render.resize.fill_frame cuts it.
        frame: (width, height) of the image, px.
        flip: Whether left and right are exchanged.
    """
    W, H = view.size
    width, height = frame
    scale = min(
        crop[2] * W / width, crop[3] * H / height
    )  # pixels of the photo to one of the frame
    left = crop[0] * W + (crop[2] * W - scale * width) / 2
    top = crop[1] * H + (crop[3] * H - scale * height) / 2
    focal = view.focal * math.hypot(W, H) / scale
    aside = ((W / 2 - left) / scale - width / 2) / width
    down = ((H / 2 - top) / scale - height / 2) / width
    return dataclasses.replace(
        camera,
        location=(*camera.location[:2], view.height),
        pitch=view.pitch,
        roll=-view.roll if flip else view.roll,
        fov=math.degrees(2 * math.atan(width / 2 / focal)),
        axis=(-aside if flip else aside, down),
    )
