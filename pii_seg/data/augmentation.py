"""Augmentations that help a network trained on renders generalise to photos.

Each factor has a probability of its own (0 switches it off), a range, and a random stream of its
own: switching one off, or adding another, does not change what the others draw. All factors are
numpy and OpenCV on uint8, for the workers of a loader.

The order is that of a camera: the view (scale, crop, flip, rotation), its content (pasted people
and distractors, occluders), light and colour, optics and sensor (blur, resolution, noise), and the
file (JPEG).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pii_seg.augmentation_config import AugmentationConfig, Range
from pii_seg.data.copy_paste import CutOutBank, paste_among
from pii_seg.data.image_io import resize_array
from pii_seg.data.random_streams import Streams, log_uniform
from pii_seg.data.resize import empty_canvas, resize_target
from pii_seg.data.sources import BACKGROUND, HEAD, PERSON, Sample

# Maximum side of a view ÷ longer side of its image, where the scale jitter would make it larger.
MOST_OUTSIDE = 1.25


def augment(
    sample: Sample,
    size: int,
    how: AugmentationConfig,
    streams: Streams,
    *,
    persons: CutOutBank | None = None,
    distractors: CutOutBank | None = None,
    paste: float | None = None,
    zoom: float = 1.0,
) -> Sample:
    """Make a training view of `sample`.

    Args:
        sample: The sample; its arrays are not written to.
        size: Side of the view in px.
        how: Probabilities and ranges.
        streams: Random streams of this view.
        persons: Persons to paste; None: no pasting.
        distractors: Things to paste; None: no pasting.
        paste: Probability of pasting persons, instead of that of `how`.
        zoom: Factor by which the image is enlarged before the scale jitter: for renders that are
            smaller than the photos they stand for.

    Returns:
        A sample of size × size px without instances; pixels outside the image are ignore.
    """
    view = take_view(sample, size, how, streams, zoom)
    return alter(view, how, streams, persons=persons, distractors=distractors, paste=paste)


def alter(
    view: Sample,
    how: AugmentationConfig,
    streams: Streams,
    *,
    persons: CutOutBank | None = None,
    distractors: CutOutBank | None = None,
    paste: float | None = None,
) -> Sample:
    """Apply everything but the geometry. Writes to the view's arrays."""
    image, target = view.image, view.target
    people = things = None
    if persons is not None and (
        rng := streams.drawn("paste", how.paste if paste is None else paste)
    ):
        people = persons, rng
    if distractors is not None and (rng := streams.drawn("distractors", how.distractors)):
        things = distractors, rng
    paste_among(image, target, how, persons=people, distractors=things)
    if rng := streams.drawn("occlusion", how.occlusion):
        occlude(image, target, how.occlusion_share, rng)
    if rng := streams.drawn("cutout", how.cutout):
        hide_patches(image, how.cutout_share, rng)
    image = change_colour(image, how, streams)
    image = degrade(image, how, streams)
    return replace(view, image=image)


# The view


def take_view(
    sample: Sample, size: int, how: AugmentationConfig, streams: Streams, zoom: float = 1.0
) -> Sample:
    """Scale, crop, flip and rotate into new arrays."""
    height, width = sample.target.shape
    side = max(1, round(size / zoom))  # px of the image that the view covers
    if rng := streams.drawn("scale", how.scale):
        side = max(1, round(size / zoom / log_uniform(rng, how.scale_range)))
        # A small image is not shrunk so much that most of the view lies outside of it.
        side = min(side, max(round(size / zoom), round(MOST_OUTSIDE * max(height, width))))
    place = streams.of("crop").random(2)
    focus = None
    if rng := streams.drawn("focus", how.focus):
        focus = _point_on_a_person(sample, rng)
    if focus is None:
        top, left = (
            _start(length, side, u) for length, u in zip((height, width), place, strict=True)
        )
    else:  # the point lies anywhere in the middle half of the view
        top, left = (
            _hold(round(point - side * (0.25 + 0.5 * u)), length, side)
            for point, length, u in zip(focus, (height, width), place, strict=True)
        )
    image, target = _crop(sample, top, left, side, size)
    if streams.drawn("flip", how.flip):
        image, target = cv2.flip(image, 1), cv2.flip(target, 1)
    if rng := streams.drawn("rotation", how.rotation):
        degrees = rng.uniform(-how.rotation_degrees, how.rotation_degrees)
        image, target = _rotate(image, target, degrees)
    return Sample(sample.name, image, target)


def _crop(
    sample: Sample, top: int, left: int, side: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Crop the square of `side` px at (top, left), perhaps over the edge, to size × size."""
    height, width = sample.target.shape
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(height, top + side), min(width, left + side)
    # The part that the image covers, in the view's pixels.
    v0, v1 = ((y - top) * size // side for y in (y0, y1))
    u0, u1 = ((x - left) * size // side for x in (x0, x1))
    u1, v1 = max(u1, u0 + 1), max(v1, v0 + 1)
    crop = resize_array(sample.image[y0:y1, x0:x1], v1 - v0, u1 - u0)
    crop_target = resize_target(sample.target[y0:y1, x0:x1], u1 - u0, v1 - v0)
    if crop_target.shape == (size, size):
        return np.array(crop), np.array(crop_target)
    image, target = empty_canvas(sample.image, size)
    image[v0:v1, u0:u1], target[v0:v1, u0:u1] = crop, crop_target
    return image, target


def _start(length: int, side: int, u: float) -> int:
    """Place a window of `side` at random: inside, or around the image if the window is larger."""
    low, high = min(0, length - side), max(0, length - side)
    return int(low + u * (high - low + 1)) if u < 1 else high


def _hold(start: int, length: int, side: int) -> int:
    """Move a window so that it covers as little outside as possible."""
    low, high = min(0, length - side), max(0, length - side)
    return min(max(start, low), high)


def _point_on_a_person(sample: Sample, rng: np.random.Generator) -> tuple[int, int] | None:
    """Draw (row, column) of a person's pixel; each instance is equally likely."""
    u, v = rng.random(2)
    if sample.instances is not None and sample.instances.any():
        ids = np.flatnonzero(np.bincount(sample.instances.ravel())[1:]) + 1
        pixels = np.flatnonzero(sample.instances == ids[int(u * len(ids))])
    else:
        pixels = np.flatnonzero((sample.target == PERSON) | (sample.target == HEAD))
    if not len(pixels):
        return None
    row, column = divmod(int(pixels[int(v * len(pixels))]), sample.target.shape[1])
    return row, column


def _rotate(image: np.ndarray, target: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate about the centre; corners are filled by reflection, in the target too."""
    height, width = target.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned, turned_target = (
        cv2.warpAffine(array, turn, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
        for array, how in ((image, cv2.INTER_LINEAR), (target, cv2.INTER_NEAREST))
    )
    return turned, turned_target


# Content


def occlude(image: np.ndarray, target: np.ndarray, share: Range, rng: np.random.Generator) -> None:
    """Draw one to three bars, boxes or blobs over everything, in place.

    Args:
        image: uint8 (H, W, 3).
        target: uint8 (H, W); covered pixels become background.
        share: Range of the covered share of the area, all objects together.
        rng: Random stream.
    """
    height, width = target.shape
    count = int(rng.integers(1, 4))
    area = log_uniform(rng, share) * height * width / count
    for _ in range(count):
        shape = np.zeros((height, width), np.uint8)
        centre = rng.random(2) * (width, height)
        aspect = log_uniform(rng, (0.08, 1.0))
        long, short = np.sqrt(area / aspect), np.sqrt(area * aspect)
        upright = rng.random() < 0.7
        angle = rng.normal(90.0, 20.0) if upright else rng.uniform(0.0, 180.0)
        if rng.random() < 0.5:
            corners = cv2.boxPoints(
                ((float(centre[0]), float(centre[1])), (float(long), float(short)), float(angle))
            )
            cv2.fillConvexPoly(shape, corners.round().astype(np.int32), 255)
        else:
            axes = (max(1, int(long * 0.56)), max(1, int(short * 0.56)))
            cv2.ellipse(
                shape, (int(centre[0]), int(centre[1])), axes, float(angle), 0, 360, 255, -1
            )
        covered = shape > 0
        image[covered] = _texture(height, width, rng)[covered]
        target[covered] = BACKGROUND


def _texture(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a surface (H, W, 3) of one colour with soft blotches, coarse or fine."""
    grain = int(rng.choice([1, 3, 8, 24]))
    colour, amplitude = rng.uniform(10, 245, 3), rng.uniform(0, 60)
    coarse = (
        (colour + amplitude * rng.standard_normal((grain, grain, 1))).clip(0, 255).astype(np.uint8)
    )
    return cv2.resize(np.ascontiguousarray(coarse), (width, height), interpolation=cv2.INTER_LINEAR)


def hide_patches(image: np.ndarray, share: Range, rng: np.random.Generator) -> None:
    """Fill a `share` of the cells of a grid with the mean colour, in place."""
    height, width = image.shape[:2]
    cells = int(rng.integers(4, 9))
    hidden = (rng.random((cells, cells)) < rng.uniform(*share)).astype(np.uint8)
    mask = cv2.resize(hidden, (width, height), interpolation=cv2.INTER_NEAREST)
    image[mask > 0] = np.array(cv2.mean(image)[:3]).astype(np.uint8)


# Light and colour


def change_colour(image: np.ndarray, how: AugmentationConfig, streams: Streams) -> np.ndarray:
    """Change tone (one table of 256 per channel), then saturation and hue (one 3 × 3 matrix)."""
    tone = np.repeat(np.linspace(0.0, 1.0, 256)[:, None], 3, axis=1)
    before = tone
    if rng := streams.drawn("gamma", how.gamma):
        tone = tone ** log_uniform(rng, how.gamma_range)
    if rng := streams.drawn("brightness", how.brightness):
        tone = tone * log_uniform(rng, how.brightness_range)
    if rng := streams.drawn("white_balance", how.white_balance):
        red, green, blue = (log_uniform(rng, how.white_balance_range) for _ in range(3))
        tone = tone * [red, green**0.4, blue]
    if rng := streams.drawn("contrast", how.contrast):
        tone = 0.5 + (tone - 0.5) * log_uniform(rng, how.contrast_range)
    if tone is not before:
        table = (tone * 255).round().clip(0, 255).astype(np.uint8)
        image = cv2.LUT(image, table[None])
    mix = np.eye(3)
    if rng := streams.drawn("hue", how.hue):
        mix = _turn_hue(np.radians(rng.uniform(-how.hue_degrees, how.hue_degrees))) @ mix
    if rng := streams.drawn("saturation", how.saturation):
        mix = _saturate(log_uniform(rng, how.saturation_range)) @ mix
    if streams.drawn("grayscale", how.grayscale):
        mix = _saturate(0.0) @ mix
    if not np.array_equal(mix, np.eye(3)):
        image = cv2.transform(image, mix)
    return image


def _saturate(factor: float) -> np.ndarray:
    """Return the matrix that scales colours' distance from luma (Rec. 601); 0 gives grey."""
    luma = np.tile([0.299, 0.587, 0.114], (3, 1))
    return factor * np.eye(3) + (1 - factor) * luma


def _turn_hue(angle: float) -> np.ndarray:
    """Return the rotation about the grey axis (1, 1, 1) / √3 by `angle` rad (Rodrigues)."""
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    along = np.full((3, 3), 1 / 3)
    return np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * along


# Optics, sensor and file


def degrade(image: np.ndarray, how: AugmentationConfig, streams: Streams) -> np.ndarray:
    """Apply blur, resolution, noise and JPEG."""
    height, width = image.shape[:2]
    if rng := streams.drawn("blur", how.blur):
        image = _blur(image, log_uniform(rng, how.blur_sigma), rng)
    if rng := streams.drawn("resolution", how.resolution):
        factor = log_uniform(rng, how.resolution_factor)
        small = max(1, round(width / factor)), max(1, round(height / factor))
        # Cameras average when they shrink, some software does not.
        down = int(rng.choice([cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR]))
        up = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_CUBIC]))
        image = cv2.resize(
            cv2.resize(image, small, interpolation=down), (width, height), interpolation=up
        )
    if rng := streams.drawn("noise", how.noise):
        image = _add_noise(image, log_uniform(rng, how.noise_sigma), rng)
    if rng := streams.drawn("jpeg", how.jpeg):
        image = _through_jpeg(image, round(rng.uniform(*how.jpeg_quality)))
    return image


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    return decoded


def _blur(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    along_a_line, angle = rng.random() < 0.5, rng.uniform(0, np.pi)
    if not along_a_line:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    # A line of this length has the standard deviation `sigma` along itself: length² / 12 = sigma².
    length = sigma * np.sqrt(12)
    radius = max(1, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    for t in np.linspace(-length / 2, length / 2, 4 * radius + 1):
        kernel[round(radius + t * np.sin(angle)), round(radius + t * np.cos(angle))] += 1
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def _add_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise, partly equal in the channels.

    One field is drawn and shifted for each channel, because three fields would take 2 ms.
    """
    height, width = image.shape[:2]
    field = rng.standard_normal((height, width), dtype=np.float32)
    colour = rng.uniform(0.0, 0.7)
    noisy = image.astype(np.float32)
    for channel in range(3):
        own = np.roll(field, int(rng.integers(field.size)))
        noisy[..., channel] += sigma * np.sqrt(1 - colour**2) * field + sigma * colour * own
    return noisy.round().clip(0, 255).astype(np.uint8)
