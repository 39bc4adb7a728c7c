"""Draw a photo as backdrop: which part of it, the camera that fits, its light and its grain."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...recipes.distributions import Distribution
from ...recipes.recipe import Recipe
from ..assets import Assets
from ..colour import to_linear
from ..image_headers import read_header
from ..people import Stream
from ..placement import FIXED_AIM
from ..sensor_spec import SensorSpec
from ..spec import BackgroundSpec, CameraSpec, SceneSpec
from .exif import focal_over_diagonal
from .files import FRONT, SideCar, beside, read_side_car, upright_size
from .light import exposure_of, ground_of, haze_of, sample_photo_light
from .lines import LONGEST, LineView, Pieces, straight_pieces, view_of_lines
from .look import PhotoLook, look_of
from .measure import blur_of, grain_of, jpeg_quality, visible_quality
from .reader import PhotoReader
from .spec import PhotoMatchSpec
from .view import camera_of, reach_of, view_of, with_ground

_ROOM = 1.3  # farthest over nearest distance of people that always remains
_SAVED_AT = 96  # JPEG quality of the image: a photo that was compressed is not to lose more
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, eq=False)
class PhotoFacts:
    """All that is known about a photo before a part of it is chosen.

    Attributes:
        size: (width, height), upright, px.
        exif_focal: Focal length over the diagonal; None where Exif does not tell.
        side_car: What the user says about it.
        look, pieces: Its light and its straight lines; None where it was not looked at.
    """

    size: tuple[int, int]
    exif_focal: float | None
    side_car: SideCar
    look: PhotoLook | None = None
    pieces: Pieces | None = None


def facts_of(path: str, reader: PhotoReader | None) -> PhotoFacts:
    """Look at a photo; one that has not changed is looked at once.

    Raises:
        OSError, ValueError: The photo or its side-car cannot be read; the message names it.
    """
    photo = Path(path)
    return _facts(photo, photo.stat().st_mtime_ns, read_side_car(photo), reader)


@lru_cache(maxsize=512)
def _facts(path: Path, time: int, side_car: SideCar, reader: PhotoReader | None) -> PhotoFacts:
    header = read_header(path)
    focal = focal_over_diagonal(header.exif, header.width, header.height)
    if reader is None:
        return PhotoFacts(upright_size(header), focal, side_car)
    small = reader.small(path, LONGEST)
    grey = small.astype(np.float32) @ _LUMINANCE.astype(np.float32) / np.float32(255)
    return PhotoFacts(upright_size(header), focal, side_car, look_of(small), straight_pieces(grey))


@lru_cache(maxsize=512)
def lines_of(facts: PhotoFacts, focal: float | None) -> LineView | None:
    """The camera that the lines of a photo tell, with a focal length that is known, or not."""
    if facts.pieces is None or facts.look is None:
        return None
    W, H = facts.size
    small = LONGEST / max(W, H) if max(W, H) > LONGEST else 1.0
    sky = (facts.look.sky_end - 0.5) * H * small if facts.look.sky_end > 0 else None
    return view_of_lines(facts.pieces, math.hypot(W, H) * small, focal, sky)


def sample_photo(
    recipe: Recipe, assets: Assets, stream: Stream, rng: np.random.Generator
) -> BackgroundSpec:
    """Draw a photo, the part of it that is shown, and its camera.

    Args:
        recipe: What may vary.
        assets: The photos to draw from, and the reader that looks at them.
        stream: The streams of the scene.
        rng: Generator of the background.

    Raises:
        OSError, ValueError: The photo cannot be read; the message names it.
    """
    background = recipe.background
    photo = assets.photos[int(rng.integers(len(assets.photos)))]
    share = 1.0 / background.photo_zoom.sample(rng)
    x, y = (float(rng.uniform(0, 1 - share)) for _ in range(2))
    drawn = BackgroundSpec(
        "photo", photo=photo, photo_crop=(x, y, share, share), photo_flip=bool(rng.random() < 0.5)
    )
    front = beside(Path(photo), FRONT) if background.photo_front else None
    if front is not None:
        drawn = dataclasses.replace(drawn, photo_front=str(front))
    if not background.photo_camera:
        return drawn
    facts = facts_of(photo, assets.photo_reader)
    view_rng = stream("photo_view")
    view = view_of(
        facts.size,
        background,
        view_rng,
        side_car=facts.side_car,
        exif_focal=facts.exif_focal,
        lines=lambda focal: lines_of(facts, focal),
        look=facts.look,
    )
    crop = with_ground(drawn.photo_crop, view, recipe.render.width / recipe.render.height)
    return dataclasses.replace(drawn, photo_crop=crop, photo_view=view)


def adapted_to(recipe: Recipe, background: BackgroundSpec) -> Recipe:
    """The recipe for people in a photo: its camera is fixed, and people stay on its open ground.

    Without a known camera the photo counts as taken level.
    """
    view = background.photo_view
    # The photo shows what its own lens and hand did.
    camera = dataclasses.replace(recipe.camera, aim="horizon", distortion=0.0, shake=0.0)
    if view is not None:
        farthest = reach_of(view, view.ground_top)
        distance = nearer(recipe.camera.distance, farthest)
        camera = dataclasses.replace(camera, aim=FIXED_AIM, distance=distance)
    return dataclasses.replace(recipe, camera=camera)


def nearer(distance: Distribution, limit: float) -> Distribution:
    """A distribution with draws up to `limit`, or a little more where it has no lower ones."""
    low, high = distance.bounds
    if not math.isfinite(limit) or high <= limit:
        return distance
    limit = max(limit, _ROOM * max(low, 0.3))
    if distance.kind == "normal":
        return dataclasses.replace(distance, max=min(distance.max, limit))
    if distance.kind in ("uniform", "log"):
        return dataclasses.replace(distance, values=(low, min(high, limit)))
    return dataclasses.replace(distance, values=tuple(min(v, limit) for v in distance.values))


def seen_by(camera: CameraSpec, background: BackgroundSpec, frame: tuple[int, int]) -> CameraSpec:
    """The camera that sees what the background's part of a photo shows; other backgrounds leave it
    as it is, with its axis in the middle of the frame (width, height).
    """
    view = background.photo_view
    if background.kind != "photo" or view is None:
        return dataclasses.replace(camera, axis=(0.0, 0.0))
    return camera_of(camera, view, background.photo_crop, frame, flip=background.photo_flip)


def matched_to_photo(
    spec: SceneSpec, recipe: Recipe, assets: Assets, stream: Stream, *, light: bool = True
) -> SceneSpec:
    """A scene whose people are lit, exposed and blurred as its photo is, as far as the recipe says.

    Scenes with other backgrounds, and photos that nobody has looked at, are left as they are.

    Args:
        spec: The scene.
        recipe: What may vary.
        assets: Has the reader of photos.
        stream: The streams of the scene.
        light: Whether the light may change; its colour and strength are the photo's in any case.

    Raises:
        OSError, ValueError: The photo cannot be read; the message names it.
    """
    background, fields = spec.background, recipe.background
    if background.kind == "photo" and background.photo_view is not None:
        spec = dataclasses.replace(spec, camera=_pinhole(spec.camera))
    if background.kind != "photo" or assets.photo_reader is None:
        return spec
    facts = facts_of(background.photo, assets.photo_reader)
    assert facts.look is not None
    lit = spec.light
    if light and fields.photo_light and recipe.light.enabled:
        lit = sample_photo_light(
            recipe,
            assets.hdris,
            facts.look,
            facts.side_car,
            spec.camera,
            stream("photo_light"),
            flip=background.photo_flip,
        )
    if not (fields.photo_exposure or fields.photo_grain):
        return dataclasses.replace(spec, light=lit)
    match = PhotoMatchSpec(seed=int(stream("photo_grain").integers(1 << 31)))
    shown = assets.photo_reader.backdrop(
        Path(background.photo),
        background.photo_crop,
        spec.width,
        spec.height,
        flip=background.photo_flip,
    )
    if fields.photo_exposure:
        gain = exposure_of(facts.look, lit, spec.camera)
        match = dataclasses.replace(
            match, gain=gain, ground=ground_of(facts.look), black=haze_of(facts.look)
        )
    else:
        white = float(np.quantile(to_linear(shown / np.float32(255)) @ _LUMINANCE, 0.9))
        match = dataclasses.replace(match, gain=(round(float(np.clip(white, 0.15, 1.0)), 5),) * 3)
    if fields.photo_grain:
        match = _with_grain(match, background, facts, shown)
    return dataclasses.replace(
        spec,
        light=lit,
        sensor=_clean(spec.sensor),
        background=dataclasses.replace(background, photo_match=match),
    )


def _with_grain(
    match: PhotoMatchSpec,
    background: BackgroundSpec,
    facts: PhotoFacts,
    shown: np.ndarray,
) -> PhotoMatchSpec:
    """The match with the noise, blur and compression of the photo as it is shown."""
    grey = shown.astype(np.float32) @ _LUMINANCE.astype(np.float32) / np.float32(255)
    grain = grain_of(grey)
    height, width = grey.shape
    crop = background.photo_crop
    scale = min(crop[2] * facts.size[0] / width, crop[3] * facts.size[1] / height)
    quality = visible_quality(jpeg_quality(Path(background.photo)), scale)
    return dataclasses.replace(
        match,
        noise=round(grain.noise, 5),
        grain=round(grain.size, 3),
        blur=round(blur_of(grey, grain.noise), 3),
        jpeg=quality,
    )


def _pinhole(camera: CameraSpec) -> CameraSpec:
    """The camera without what another lens would do: the photo shows what its own lens did."""
    return CameraSpec(
        location=camera.location,
        yaw=camera.yaw,
        pitch=camera.pitch,
        roll=camera.roll,
        fov=camera.fov,
        focus_distance=camera.focus_distance,
        shutter=camera.shutter,
        axis=camera.axis,
    )


def _clean(sensor: SensorSpec) -> SensorSpec:
    """A sensor that adds nothing: the photo has been through one."""
    return SensorSpec(
        jpeg_quality=_SAVED_AT, seed=sensor.seed, metering=sensor.metering, tone=sensor.tone
    )
