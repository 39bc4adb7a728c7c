"""Find the persons in photographs: a mask for each, and on request overlays and probabilities.

    python -m pii_seg.predict --checkpoint RUN/best.ckpt INPUT... --output DIR [--overlay] [--probability]

INPUT are photographs, or folders of them (sub-folders too). The output mirrors them:

    DIR/masks/NAME.png            255 person, 0 not; of the photograph's own size, upright as its EXIF tag asks
    DIR/overlays/NAME.jpg         --overlay: the photograph with the persons tinted
    DIR/probabilities/NAME.png    --probability: 0..255 for 0..1, calibrated
    DIR/predict.json              checkpoint and settings, so that a run is not continued with others

A run that was stopped goes on where it was. Photographs that cannot be read are listed at the end (exit code 1); the
others are done all the same. The photographs themselves are only read.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from jsonargparse import ArgumentParser
from rich.console import Console

from blender_addon.dataset import write_atomically
from pii_seg.command_line import (
    DONE,
    FAILED,
    PlainHelp,
    add_checkpoint_arguments,
    add_inference_arguments,
    ahead,
    inference_settings,
    parse,
    photographs_at_once,
    progress_bar,
    run_command,
)
from pii_seg.data.files import files_below
from pii_seg.data.image_io import FOREIGN_ENDINGS, IMAGE_ENDINGS
from pii_seg.data.sources import read_image
from pii_seg.errors import DataError, InputError
from pii_seg.evaluation.figures import encode
from pii_seg.inference.tiling import InferenceSettings, predict_probability
from pii_seg.models.checkpoint import load_checkpoint

RECORD = "predict.json"
MASKS, OVERLAYS, PROBABILITIES = "masks", "overlays", "probabilities"
TINT = np.array((255, 40, 90), np.float32)  # RGB
TINT_SHARE = 0.55
MASK_COMPRESSION = (
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
)  # a mask is runs: 4 times faster, as small


@dataclass(frozen=True)
class Photograph:
    """A file to predict, and the name, without ending, of what becomes of it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Prediction:
    """What was done: photographs predicted now, skipped because they were there, and failures by name."""

    done: int
    skipped: int
    failed: tuple[str, ...]


def find_photographs(inputs: Sequence[Path], *, besides: Path | None = None) -> list[Photograph]:
    """The photographs at `inputs`, files and folders, in order; nothing below `besides`, where the output goes.

    A name is the path below the folder given, without ending; with it where two would share a name (a.jpg, a.png).
    Raises InputError when an input is not there, holds no photograph, or two inputs would write the same file.
    """
    found: dict[Path, Path] = {}  # path → name with its ending
    for given in inputs:
        if given.is_file():
            found.setdefault(given.resolve(), Path(given.name))
        elif given.is_dir():
            # Formats we cannot decode are taken along: they fail by name, where passing them over would hide persons.
            endings = IMAGE_ENDINGS | FOREIGN_ENDINGS
            below = [p for p in files_below(given, besides=besides) if p.suffix.lower() in endings]
            if not below:
                raise InputError(
                    f"{given}: holds no photographs ({', '.join(sorted(IMAGE_ENDINGS))})"
                )
            for path in below:
                found.setdefault(path.resolve(), path.relative_to(given))
        else:
            raise InputError(f"{given}: does not exist")
    shared = Counter(name.with_suffix("").as_posix().casefold() for name in found.values())
    photographs = []
    for path, name in found.items():
        alone = shared[name.with_suffix("").as_posix().casefold()] == 1
        photographs.append(Photograph(path, (name.with_suffix("") if alone else name).as_posix()))
    names = Counter(photograph.name.casefold() for photograph in photographs)
    if twice := [photograph for photograph in photographs if names[photograph.name.casefold()] > 1]:
        raise InputError(
            f"{twice[0].path} and {twice[1].path} would be written to one file; predict them to different --output"
        )
    return photographs


def predict_files(
    probability: Callable[[np.ndarray], np.ndarray],
    photographs: Sequence[Photograph],
    output: Path,
    *,
    threshold: float,
    overlay: bool = False,
    with_probability: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    on_photograph: Callable[[], None] = lambda: None,
) -> Prediction:
    """Write masks (and overlays, probabilities) of `photographs` below `output`, `workers` of them at a time.

    `probability`: uint8 (H, W, 3) → float32 (H, W); called from several threads. What is there is skipped unless
    `overwrite`; a photograph that fails is named in the result and the others go on.
    """
    folders = {MASKS: ".png"}
    if overlay:
        folders[OVERLAYS] = ".jpg"
    if with_probability:
        folders[PROBABILITIES] = ".png"

    def targets(photograph: Photograph) -> dict[str, Path]:
        return {
            folder: output / folder / f"{photograph.name}{ending}"
            for folder, ending in folders.items()
        }

    def predict_one(photograph: Photograph) -> None:
        image = read_image(photograph.path)
        found = probability(image)
        mask = found >= threshold
        paths = targets(photograph)
        if overlay:
            _write(
                paths[OVERLAYS], encode(tinted(image, mask), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)
            )
        if with_probability:
            _write(paths[PROBABILITIES], encode(np.rint(found * 255).astype(np.uint8), ".png"))
        # The mask is the last: where it is, all is.
        _write(
            paths[MASKS], encode(mask.astype(np.uint8) * np.uint8(255), ".png", *MASK_COMPRESSION)
        )

    wanted = [
        p for p in photographs if overwrite or not all(t.exists() for t in targets(p).values())
    ]
    skipped = len(photographs) - len(wanted)
    for _ in range(skipped):
        on_photograph()
    failed = []
    for photograph, outcome in ahead(predict_one, wanted, workers=workers):
        if (why := _failure(photograph, outcome)) is not None:
            failed.append(why)
        on_photograph()
    return Prediction(len(wanted) - len(failed), skipped, tuple(failed))


def _failure(photograph: Photograph, outcome: Future[None]) -> str | None:
    """What went wrong with this photograph alone. A full disk or a bug is not its fault and ends the run."""
    try:
        outcome.result()
    except DataError as error:
        return str(error)
    except (FloatingPointError, MemoryError) as error:
        return f"{photograph.path}: {error or 'not enough memory'}"
    return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def tinted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A copy of `image`, uint8 (H, W, 3), with the pixels of `mask`, bool (H, W), tinted and outlined."""
    shown = image.copy()
    shown[mask] = (image[mask] * (1 - TINT_SHARE) + TINT * TINT_SHARE).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(max(mask.shape) / 600))
    return cv2.drawContours(shown, contours, -1, (255, 255, 255), thickness, cv2.LINE_AA)


def predict(
    checkpoint: Path,
    inputs: Sequence[Path],
    output: Path,
    settings: InferenceSettings | None = None,
    *,
    threshold: float | None = None,
    overlay: bool = False,
    with_probability: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    console: Console | None = None,
) -> Prediction:
    """Predict `inputs` with a checkpoint; see the module. `threshold` None: the checkpoint's own."""
    settings = settings or InferenceSettings()
    if threshold is not None and not 0 < threshold < 1:
        raise InputError(f"--threshold {threshold}: must lie between 0 and 1")
    kept = load_checkpoint(checkpoint)
    threshold = kept.threshold if threshold is None else threshold
    photographs = find_photographs(inputs, besides=output)
    record = {
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "threshold": threshold,
        "inference": asdict(settings),
    }
    open_output(output, record, overwrite=overwrite)
    segmenter = kept.segmenter(device)

    def probability(image: np.ndarray) -> np.ndarray:
        return predict_probability(
            segmenter, image, settings, temperature=kept.temperature, device=device
        )

    with (
        photographs_at_once(device) as workers,
        progress_bar(console or Console(stderr=True)) as bar,
    ):
        task = bar.add_task("predict", total=len(photographs))
        return predict_files(
            probability,
            photographs,
            output,
            threshold=threshold,
            overlay=overlay,
            with_probability=with_probability,
            overwrite=overwrite,
            workers=workers,
            on_photograph=lambda: bar.update(task, advance=1),
        )


def from_checkpoint(path: str | Path, *, device: str = "cpu") -> Callable[[np.ndarray], np.ndarray]:
    """A plain callable from photographs, uint8 (H, W, 3), to the calibrated probability of "person", float32 (H, W).

    For programs that want a segmenter and nothing else of this package: `diffusion_synth.run --segmenter`.
    Raises CheckpointError.
    """
    kept = load_checkpoint(Path(path))
    segmenter = kept.segmenter(device)
    return lambda image: predict_probability(
        segmenter, np.ascontiguousarray(image), temperature=kept.temperature, device=device
    )


def open_output(output: Path, record: dict, *, overwrite: bool) -> None:
    """Make the folder and note what makes the masks in it. Raises InputError when it holds those of another run."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; give a folder")
    path = output / RECORD
    content = json.dumps(record, indent=2, sort_keys=True).encode() + b"\n"
    if path.exists() and path.read_bytes() != content and not overwrite:
        raise InputError(
            f"{output}: holds masks of another checkpoint, threshold or settings; choose another --output, or replace "
            "them with --overwrite"
        )
    _write(path, content)


def parser() -> ArgumentParser:
    p = ArgumentParser(
        prog="python -m pii_seg.predict",
        usage="python -m pii_seg.predict --checkpoint RUN/best.ckpt INPUT... --output DIR [options]",
        description=__doc__,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
    )
    p.add_argument(
        "inputs", type=Path, nargs="+", metavar="INPUT", help="photographs, or folders of them"
    )
    p.add_argument("--config", action="config", help="a TOML file with any of these arguments")
    add_checkpoint_arguments(p)
    p.add_argument(
        "--output", type=Path, required=True, help="folder for the masks; made if need be"
    )
    p.add_argument(
        "--overlay", action="store_true", help="also write the photographs with the persons tinted"
    )
    p.add_argument(
        "--probability", action="store_true", help="also write the calibrated probabilities"
    )
    p.add_argument("--overwrite", action="store_true", help="predict again what is there already")
    add_inference_arguments(p)
    return p


def main(argv: list[str] | None = None) -> int:
    def work() -> int:
        arguments = parse(parser(), argv)
        prediction = predict(
            arguments.checkpoint,
            arguments.inputs,
            arguments.output,
            inference_settings(arguments),
            threshold=arguments.threshold,
            overlay=arguments.overlay,
            with_probability=arguments.probability,
            overwrite=arguments.overwrite,
            device=arguments.device,
        )
        there = f", {prediction.skipped} were there already" if prediction.skipped else ""
        print(f"{arguments.output}: {prediction.done} photographs predicted{there}")
        if prediction.failed:
            print(
                f"{len(prediction.failed)} failed:", *prediction.failed, sep="\n  ", file=sys.stderr
            )
        return FAILED if prediction.failed else DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
