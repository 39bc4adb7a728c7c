"""The Python interface for one image, and that it gives what the command gives."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.file_redaction import FileRedactor, Options
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.regions import Region
from pii_seg.config import SIZES
from pii_seg.errors import CheckpointError, InputError, MediaError
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from tests.image_cases import case_named
from tests.pii_seg.anonymize.conftest import Bright, noise, person_on, pillow, saved, tagged_exif

GREY = np.full((24, 36, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained tiny network."""
    generator = torch.Generator().manual_seed(1)
    network = build_network(SIZES["tiny"], generator=generator, pretrained=False)
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    save_checkpoint(path, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    return path


def test_arrays_pil_images_and_files_give_the_same_pixels(tmp_path: Path) -> None:
    anonymizer = Anonymizer(Bright(), seed=0)
    array = person_on(GREY)
    before = array.copy()
    redacted = anonymizer.redact(array)
    np.testing.assert_array_equal(array, before)
    assert redacted.dtype == np.uint8
    assert redacted.max() == 90
    content = saved(pillow(np.rot90(array, 1)), "PNG", exif=tagged_exif(6))
    (tmp_path / "turned.png").write_bytes(content)
    image = Image.open(io.BytesIO(content))
    for other in (image, tmp_path / "turned.png", str(tmp_path / "turned.png")):
        np.testing.assert_array_equal(anonymizer.redact(other), redacted)


@pytest.mark.parametrize("style", ["solid", "inpaint", "mosaic", "blur"])
def test_redact_gives_the_bytes_of_the_command(
    checkpoint: Path, tmp_path: Path, style: str
) -> None:
    arguments = {"style": style, "threshold": 0.5, "dilate": 0.1, "seed": 7}
    source = tmp_path / "photo.png"
    source.write_bytes(saved(pillow(noise(60, 90)), "PNG"))
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    command = [str(source), "--output", str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    assert main([*command, *options]) == 0
    written = decode_file((tmp_path / "out" / "photo.png").read_bytes()).frames[0].pixels
    redacted = Anonymizer.load(checkpoint, device="cpu", **arguments).redact(source)
    np.testing.assert_array_equal(redacted, written)
    assert (redacted != noise(60, 90)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style": "sepia"}, "'sepia' is unknown; choose one of solid"),
        ({"dilate": 2.0}, "dilate 2.0"),
        ({"recall": 0.9}, "needs a checkpoint"),
        ({"person_recall": 0.9, "dilate": "auto"}, "needs a checkpoint"),
        ({"checkpoint": "a.ckpt", "dilate": "auto"}, "give both"),
        ({"generator": "model"}, "for style synthesise"),
        ({"checkpoint": "a.ckpt", "recall": 0.9, "threshold": 0.5}, "exclude each other"),
        ({"checkpoint": "a.ckpt", "threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_invalid_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Anonymizer.load(**{"checkpoint": None, **arguments})


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"absent\.ckpt"):
        Anonymizer.load("absent.ckpt")


def test_a_painter_must_be_given_for_synthesise() -> None:
    with pytest.raises(InputError, match="needs a painter"):
        Anonymizer(None, style="synthesise")


def test_wrong_images_are_rejected(tmp_path: Path) -> None:
    anonymizer = Anonymizer(Bright())
    with pytest.raises(InputError, match=r"expected an image of shape \(H, W, 3\)"):
        anonymizer.redact(GREY[..., 0])
    frames = [pillow(noise(seed=seed)) for seed in range(2)]
    (tmp_path / "moving.gif").write_bytes(
        saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    )
    with pytest.raises(MediaError, match=r"moving\.gif: has 2 frames"):
        anonymizer.redact(tmp_path / "moving.gif")
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(MediaError, match=r"broken\.png: is not an image"):
        anonymizer.redact(tmp_path / "broken.png")


@pytest.mark.parametrize("style", ["solid", "inpaint"])
def test_a_redaction_stays_within_the_numbers_of_a_thermal_image(style: str) -> None:
    """Black would be 30,000 below them: a viewer that stretches contrasts would show only that."""
    mask = np.zeros((48, 32), bool)
    mask[10:20, 8:16] = True
    outputs = []
    for person in (31000, 45000, 30001):
        numbers = decode_file(case_named("deep_thermal_offset_png").content).frames[0]
        pixels = numbers.pixels.copy()
        pixels[mask] = person
        frame = replace(numbers, pixels=pixels)
        outputs.append(Anonymizer(None, style=style, seed=1).replace_frame(frame, mask).pixels)
        assert outputs[-1].min() >= 30000 and outputs[-1].max() <= 30378
        np.testing.assert_array_equal(outputs[-1], outputs[0])  # nothing of the person counts


@pytest.mark.parametrize(("image", "calls"), [(GREY, 1), (person_on(GREY), 2)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_output_that_is_its_input_is_not_searched_again(
    tmp_path: Path, image: np.ndarray, calls: int, kind: str
) -> None:
    detector = Bright()
    redactor = FileRedactor(Anonymizer(detector, seed=0), Options())
    content = saved(pillow(image), kind, quality=100, subsampling=0)
    record = redactor.image(content, tmp_path / "out", lambda suffix: f"a{suffix}", None)
    assert detector.calls == calls
    assert record["doubts"] == {"highest": 0.0, "doubtful": 0.0, "left": 0.0}


def test_a_person_in_an_excluded_region_is_left_in_the_output(tmp_path: Path) -> None:
    everywhere = Region(((0, 0), (1, 0), (1, 1), (0, 1)))
    redactor = FileRedactor(Anonymizer(Bright(), exclude=[everywhere]), Options())
    content = saved(pillow(person_on(GREY)), "PNG")
    record = redactor.image(content, tmp_path / "out", lambda suffix: f"a{suffix}", None)
    assert record["doubts"]["left"] == pytest.approx(40 / (24 * 36))
