"""From image files to mask files.

    OUTPUT/masks/NAME.png            255 person, 0 background; size of the image, EXIF applied
    OUTPUT/overlays/NAME.jpg         on request: the image with the persons tinted
    OUTPUT/probabilities/NAME.png    on request: calibrated probability, 0..255 for 0..1
    OUTPUT/predict.json              checkpoint and settings, so that no run mixes two of them

A run that was stopped is resumed: an image whose files exist is skipped.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from blender_addon.dataset import write_atomically
from pii_seg.data.file_kinds import list_images
from pii_seg.data.files import describe_left_out
from pii_seg.data.image_io import IMAGE_ENDINGS, encode_image
from pii_seg.data.progress import OnImage, no_progress
from pii_seg.data.sources import read_image
from pii_seg.errors import DataError, InputError
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.parallel import map_in_order, worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.inference.tiling import predict_probability

log = logging.getLogger(__name__)

RECORD = "predict.json"
MASKS, OVERLAYS, PROBABILITIES = "masks", "overlays", "probabilities"
TINT = np.array((255, 40, 90), np.float32)  # RGB
TINT_SHARE = 0.55
# A mask consists of runs: with this strategy it is written 4 times faster, and is as small.
MASK_COMPRESSION = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)

Probability = Callable[[np.ndarray], np.ndarray]
"""From an image, uint8 (H, W, 3) RGB, to the probability of a person, float32 (H, W)."""


@dataclass(frozen=True)
class ImageFile:
    """A file to predict. `name`: path of its results below an output folder, without the ending."""

    path: Path
    name: str


@dataclass(frozen=True)
class PredictedFiles:
    """Counts of images that were predicted and skipped, and a message for each one that failed."""

    done: int
    skipped: int
    failed: tuple[str, ...]


def predict_files(
    checkpoint: Path | str,
    inputs: Sequence[Path | str],
    output: Path | str,
    settings: InferenceSettings | None = None,
    *,
    threshold: float | None = None,
    overlay: bool = False,
    with_probability: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    backend: str | None = None,
    on_image: OnImage = no_progress,
) -> PredictedFiles:
    """Write a mask for every image file of `inputs`.

    Args:
        checkpoint: RUN/best.ckpt of a training, or a folder of `pii-seg export-model`.
        inputs: Image files, and folders that are searched with their sub-folders.
        output: Folder for the results; see the module for its layout.
        settings: Size, tiles and scales; `InferenceSettings()` by default.
        threshold: Probability, 0..1, from which a pixel counts as person; by default the
            checkpoint's own.
        overlay: Write overlays too.
        with_probability: Write probabilities too.
        overwrite: Predict again what exists; without it, existing files are skipped.
        device: "cpu", "cuda", "mps", …
        backend: The program that computes; see `loading.load_segmenter`.
        on_image: Progress callback.

    Returns:
        The counts. Images that cannot be read are listed as failed; the others are predicted.

    Raises:
        InputError: An input does not exist, or `output` holds the masks of other settings.
        CheckpointError: The checkpoint cannot be used.
    """
    checkpoint, output, settings = Path(checkpoint), Path(output), settings or InferenceSettings()
    if threshold is not None and not 0 < threshold < 1:
        raise InputError(f"--threshold {threshold}: expected a number between 0 and 1")
    loaded = load_segmenter(checkpoint, backend=backend, device=device)
    threshold = loaded.threshold if threshold is None else threshold
    images = find_images([Path(given) for given in inputs], exclude=output)
    record = {
        "checkpoint_sha256": loaded.sha256,
        "engine": loaded.engine,
        "threshold": threshold,
        "inference": asdict(settings),
    }
    open_output(output, record, overwrite=overwrite)

    def probability(image: np.ndarray) -> np.ndarray:
        return predict_probability(
            loaded.segmenter, image, settings, temperature=loaded.temperature
        )

    with worker_threads(device) as workers:
        return write_predictions(
            probability,
            images,
            output,
            threshold=threshold,
            overlay=overlay,
            with_probability=with_probability,
            overwrite=overwrite,
            workers=workers,
            on_image=on_image,
        )


def from_checkpoint(
    path: str | Path, *, device: str = "cpu", backend: str | None = None
) -> Probability:
    """Load a checkpoint as a plain callable, for programs that need nothing else of this package.

    `diffusion_synth.run --segmenter` is one.

    Args:
        path: RUN/best.ckpt of a training.
        device: "cpu", "cuda", "mps", …
        backend: The program that computes; see `loading.load_segmenter`.

    Returns:
        A callable from an image, uint8 (H, W, 3) RGB, to the calibrated probability of a person,
        float32 (H, W).

    Raises:
        CheckpointError: The checkpoint cannot be used.
    """
    loaded = load_segmenter(path, backend=backend, device=device)
    return lambda image: predict_probability(
        loaded.segmenter, image, temperature=loaded.temperature
    )


def find_images(inputs: Sequence[Path], *, exclude: Path | None = None) -> list[ImageFile]:
    """List the image files at `inputs`, files and folders, in order.

    Args:
        inputs: Files, and folders that are searched with their sub-folders.
        exclude: A folder to leave out, such as the output folder.

    Returns:
        The files. A name is the path below the folder that was given, without its ending; the
        ending is kept where two files would share a name (a.jpg, a.png).

    Raises:
        InputError: An input does not exist or holds no image, or two inputs would be written to
            the same file.
    """
    found: dict[Path, Path] = {}  # path → name with its ending
    for given in inputs:
        if given.is_file():
            found.setdefault(given.resolve(), Path(given.name))
        elif given.is_dir():
            if exclude is not None and given.resolve().is_relative_to(exclude.resolve()):
                raise InputError(f"{given}: lies in the output folder {exclude}; choose another")
            # Includes formats that cannot be decoded: they fail by name, where leaving them out
            # would hide persons.
            below = list_images(given, exclude=() if exclude is None else (exclude,))
            left_out = describe_left_out((e.path.name, e.reason) for e in below.left_out)
            if not below.files:
                raise InputError(
                    f"{given}: holds no images ({', '.join(sorted(IMAGE_ENDINGS))})"
                    f"{f'; {left_out}' if left_out else ''}"
                )
            if left_out:
                log.warning("%s: left out: %s", given, left_out)
            for path in below.files:
                found.setdefault(path.resolve(), path.relative_to(given))
        else:
            raise InputError(f"{given}: does not exist")
    stems = Counter(name.with_suffix("").as_posix().casefold() for name in found.values())
    images = []
    for path, name in found.items():
        unique = stems[name.with_suffix("").as_posix().casefold()] == 1
        images.append(ImageFile(path, (name.with_suffix("") if unique else name).as_posix()))
    names = Counter(image.name.casefold() for image in images)
    if same := [image for image in images if names[image.name.casefold()] > 1]:
        raise InputError(
            f"{same[0].path} and {same[1].path} would be written to one file; "
            "predict them to different --output folders"
        )
    return images


def write_predictions(
    probability: Probability,
    images: Sequence[ImageFile],
    output: Path,
    *,
    threshold: float,
    overlay: bool = False,
    with_probability: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    on_image: OnImage = no_progress,
) -> PredictedFiles:
    """Write masks (and overlays, probabilities) of `images` below `output`.

    Args:
        probability: Called from `workers` threads.
        images: The files to predict.
        output: Folder for the results; see the module for its layout.
        threshold: Probability, 0..1, from which a pixel counts as person.
        overlay: Write overlays too.
        with_probability: Write probabilities too.
        overwrite: Predict again what exists; without it, existing files are skipped.
        workers: Number of images to predict at the same time.
        on_image: Progress callback.

    Returns:
        The counts. An image that cannot be read or predicted is listed as failed.
    """
    folders = {MASKS: ".png"}
    if overlay:
        folders[OVERLAYS] = ".jpg"
    if with_probability:
        folders[PROBABILITIES] = ".png"

    def targets(image: ImageFile) -> dict[str, Path]:
        return {
            folder: output / folder / f"{image.name}{ending}" for folder, ending in folders.items()
        }

    def predict_one(image: ImageFile) -> None:
        pixels = read_image(image.path)
        found = probability(pixels)
        _write_results(targets(image), pixels, found, found >= threshold)

    missing = [i for i in images if overwrite or not all(t.exists() for t in targets(i).values())]
    skipped = len(images) - len(missing)
    failed = []
    on_image("predict", skipped, len(images))
    for done, (image, future) in enumerate(map_in_order(predict_one, missing, workers=workers), 1):
        if (reason := _failure(image, future)) is not None:
            failed.append(reason)
        on_image("predict", skipped + done, len(images))
    return PredictedFiles(len(missing) - len(failed), skipped, tuple(failed))


def _write_results(
    paths: dict[str, Path], image: np.ndarray, probability: np.ndarray, mask: np.ndarray
) -> None:
    """Write the files of one image. The mask comes last: where it exists, the others do."""
    if path := paths.get(OVERLAYS):
        overlay = draw_overlay(image, mask)
        _write(path, encode_image(overlay, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90))
    if path := paths.get(PROBABILITIES):
        _write(path, encode_image(np.rint(probability * 255).astype(np.uint8), ".png"))
    pixels = mask.astype(np.uint8) * np.uint8(255)
    _write(paths[MASKS], encode_image(pixels, ".png", *MASK_COMPRESSION))


def _failure(image: ImageFile, future: Future[None]) -> str | None:
    """The error of this image alone. Any other error, such as a full disk, ends the run."""
    try:
        future.result()
    except DataError as error:
        return str(error)
    except (FloatingPointError, MemoryError) as error:
        return f"{image.path}: {error or 'not enough memory'}"
    return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def draw_overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Copy `image`, uint8 (H, W, 3), and tint and outline the pixels of `mask`, bool (H, W)."""
    shown = image.copy()
    shown[mask] = (image[mask] * (1 - TINT_SHARE) + TINT * TINT_SHARE).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(max(mask.shape) / 600))
    return cv2.drawContours(shown, contours, -1, (255, 255, 255), thickness, cv2.LINE_AA)


def open_output(output: Path, record: dict, *, overwrite: bool) -> None:
    """Make the folder and write the record of the settings that its masks are made with.

    Raises:
        InputError: `output` is a file, or holds the masks of other settings.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; expected a folder")
    path = output / RECORD
    content = json.dumps(record, indent=2, sort_keys=True).encode() + b"\n"
    if path.exists() and path.read_bytes() != content and not overwrite:
        raise InputError(
            f"{output}: holds masks of another checkpoint, threshold or settings; choose another "
            "--output, or replace them with --overwrite"
        )
    _write(path, content)
