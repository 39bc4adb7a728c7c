"""The command and its library: names, sizes, EXIF, resuming, and images that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pii_seg.config import SIZES
from pii_seg.errors import InputError
from pii_seg.inference.predict import ImageFile, draw_overlay, find_images, write_predictions
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from pii_seg.predict import main


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An untrained tiny network."""
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    path = tmp_path / "run" / "best.ckpt"
    path.parent.mkdir()
    save_checkpoint(
        path, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict(), temperature=2.0)
    )
    return path


def left_half(height: int = 40, width: int = 64) -> np.ndarray:
    """White on the left, black on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 255
    return image


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    Image.fromarray(left_half()).save(root / "a.png")
    Image.fromarray(left_half(50, 30)).save(root / "deep" / "b.jpg", quality=95)
    turned = Image.fromarray(left_half())
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    turned.save(root / "turned.jpg", quality=95, exif=exif)
    return root


def brightness(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(np.float32) / 255


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_masks_are_upright_and_of_native_size(images: Path, tmp_path: Path) -> None:
    done = write_predictions(
        brightness,
        find_images([images]),
        tmp_path / "out",
        threshold=0.5,
        overlay=True,
        with_probability=True,
        workers=2,
    )
    assert (done.done, done.skipped, done.failed) == (3, 0, ())
    mask = read(tmp_path / "out" / "masks" / "a.png")
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, left_half()[..., 0])
    assert read(tmp_path / "out/masks/deep/b.png").shape == (50, 30)
    turned = read(tmp_path / "out" / "masks" / "turned.png")
    assert turned.shape == (64, 40)
    assert turned[:30].all()
    assert not turned[34:].any()
    assert read(tmp_path / "out" / "overlays" / "turned.jpg").shape == (64, 40, 3)
    probability = read(tmp_path / "out" / "probabilities" / "a.png")
    np.testing.assert_array_equal(probability, left_half()[..., 0])
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_the_command_writes_masks_and_a_record(
    checkpoint: Path, images: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    arguments = [str(images), "--checkpoint", str(checkpoint), "--output", str(out)]
    assert main(arguments) == 0
    assert "3 images predicted" in capsys.readouterr().out
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == [
        "masks/a.png", "masks/deep/b.png", "masks/turned.png", "predict.json",
    ]  # fmt: skip
    assert set(np.unique(read(out / "masks" / "a.png"))) <= {0, 255}

    # A second run does only what is missing, and touches nothing else.
    (out / "masks" / "a.png").unlink()
    before = (out / "masks" / "turned.png").stat().st_mtime_ns
    assert main(arguments) == 0
    assert "1 images predicted, 2 skipped" in capsys.readouterr().out
    assert (out / "masks" / "turned.png").stat().st_mtime_ns == before

    # With other settings it is another run.
    assert main([*arguments, "--threshold", "0.2"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--threshold", "0.000001", "--overwrite"]) == 0
    assert read(out / "masks" / "a.png").all()


def test_images_of_rare_endings_and_behind_links_are_predicted(
    checkpoint: Path, tmp_path: Path, caplog
) -> None:
    given, elsewhere = tmp_path / "given", tmp_path / "elsewhere"
    given.mkdir()
    elsewhere.mkdir()
    formats = {"a.jfif": "JPEG", "b.jpe": "JPEG", "c.gif": "GIF", "d.avif": "AVIF"}
    for name, kind in {**formats, "e.jp2": "JPEG2000", "noending": "PNG"}.items():
        Image.fromarray(left_half()).save(given / name, kind)
    Image.fromarray(left_half()).save(elsewhere / "f.png")
    (given / "linked").symlink_to(elsewhere)
    (given / "lost.jpg").symlink_to(tmp_path / "nowhere")
    (given / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    assert main([str(given), "--checkpoint", str(checkpoint), "--output", str(out)]) == 0
    masks = {path.relative_to(out / "masks").as_posix() for path in (out / "masks").rglob("*.png")}
    wanted = {"a.png", "b.png", "c.png", "d.png", "e.png", "noending.png", "linked/f.png"}
    assert masks == wanted
    assert "lost.jpg" in caplog.text
    assert "notes.txt" in caplog.text


def test_unreadable_images_are_named_and_the_others_predicted(
    checkpoint, images, tmp_path, capsys
) -> None:
    (images / "broken.jpg").write_bytes((images / "turned.jpg").read_bytes()[:300])
    (images / "text.png").write_text("no picture")
    (images / "phone.heic").write_bytes(b"unknown")
    out = tmp_path / "out"
    assert main([str(images), "--checkpoint", str(checkpoint), "--output", str(out)]) == 1
    said = capsys.readouterr()
    assert "3 images predicted" in said.out
    assert said.err.startswith("3 failed")
    assert all(name in said.err for name in ("broken.jpg", "text.png", "phone.heic"))
    assert sorted(p.name for p in (out / "masks").rglob("*.png")) == [
        "a.png",
        "b.png",
        "turned.png",
    ]


def test_an_image_with_logits_that_are_not_finite_fails_alone(images: Path, tmp_path: Path) -> None:
    def fails_on_tall(image: np.ndarray) -> np.ndarray:
        if image.shape[0] == 64:
            raise FloatingPointError("not finite")
        return brightness(image)

    done = write_predictions(fails_on_tall, find_images([images]), tmp_path / "out", threshold=0.5)
    assert done.done == 2
    assert len(done.failed) == 1
    assert "turned.jpg: not finite" in done.failed[0]


def test_a_bug_or_a_full_disk_ends_the_run(images: Path, tmp_path: Path) -> None:
    def full(image: np.ndarray) -> np.ndarray:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_predictions(full, find_images([images]), tmp_path / "out", threshold=0.5)


def test_names(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in (
        "x/a.jpg",
        "x/a.png",
        "x/B.JPG",
        "y/a.jpg",
        ".hidden/c.jpg",
        "x/.d.jpg",
        "x/notes.txt",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert [p.name for p in find_images([root])] == ["x/B", "x/a.jpg", "x/a.png", "y/a"]
    assert [p.name for p in find_images([root / "x" / "B.JPG", root / "x" / "B.JPG"])] == ["B"]
    assert [p.name for p in find_images([root], exclude=root / "x")] == ["y/a"]
    with pytest.raises(InputError, match="one file"):
        find_images([root / "x" / "a.jpg", root / "y" / "a.jpg"])
    with pytest.raises(InputError, match="does not exist"):
        find_images([root / "z"])
    (root / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        find_images([root / "empty"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--threshold", "2"], "--threshold"),
        (["--checkpoint", "nowhere.ckpt"], "nowhere.ckpt"),
        (["--tiles", "none"], "--tiles"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_wrong_input_is_one_line_before_anything_is_done(
    arguments: list[str], said: str, checkpoint: Path, images: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    base = [str(images), "--checkpoint", str(checkpoint), "--output", str(out)]
    assert main([*base, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_an_overlay_changes_neither_the_rest_nor_the_original() -> None:
    image = np.full((30, 30, 3), 100, np.uint8)
    mask = np.zeros((30, 30), bool)
    mask[10:20, 10:20] = True
    shown = draw_overlay(image, mask)
    assert (image == 100).all()
    assert (shown[:8] == 100).all()
    assert (shown[14, 14] != 100).any()
    assert (draw_overlay(image, np.zeros((30, 30), bool)) == image).all()


def test_overwriting_is_not_resuming(images: Path, tmp_path: Path) -> None:
    wanted = [ImageFile(images / "a.png", "a")]
    calls = []

    def counting(image: np.ndarray) -> np.ndarray:
        calls.append(image.shape)
        return brightness(image)

    for overwrite in (False, False, True):
        write_predictions(counting, wanted, tmp_path / "out", threshold=0.5, overwrite=overwrite)
    assert len(calls) == 2
    # An overlay that is asked for later is made.
    write_predictions(counting, wanted, tmp_path / "out", threshold=0.5, overlay=True)
    assert len(calls) == 3
