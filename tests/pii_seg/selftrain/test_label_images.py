"""Photos labelled into a dataset: its files, no names in them, bad photos, resuming."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from blender_addon.dataset import CONTACT_SHEET_NAME, DatasetError, iter_left_out, iter_lines
from diffusion_synth.repaint.dataset_reader import Dataset
from pii_seg.config import SIZES
from pii_seg.data.reliability import most_reliable
from pii_seg.data.sources import IGNORE, PERSON, open_source
from pii_seg.errors import DataError
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from pii_seg.selftrain import label_images
from pii_seg.selftrain.label_images import (
    LabelJob,
    fitted,
    label_photos,
    load_teacher,
    write_contact_sheet,
)
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings

JOB = LabelJob("photos", "teacher", PseudoLabelSettings(band=0.02))
SECRET = "anna at the beach"


def brightness(image: np.ndarray) -> np.ndarray:
    """Bright pixels are person."""
    return image[..., 0].astype(np.float32) / 255


def finds_none(image: np.ndarray) -> np.ndarray:
    return np.zeros(image.shape[:2], np.float32)


def left_part(image: np.ndarray) -> np.ndarray:
    """As `brightness`, but it finds nothing beyond the 12th column."""
    found = brightness(image)
    found[:, 12:] = 0
    return found


def image_of(person: tuple[slice, slice] | None, height: int = 40, width: int = 64) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    if person is not None:
        image[person] = 255
    return image


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two with a person, one without, one turned by EXIF data that contain its place."""
    folder = tmp_path / "photos" / SECRET
    folder.mkdir(parents=True)
    shown = [
        (slice(8, 32), slice(8, 16)),
        (slice(8, 32), slice(8, 24)),
        None,
    ]
    for number, person in enumerate(shown):
        Image.fromarray(image_of(person)).save(folder / f"{SECRET} {number}.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    exif[0x010E] = SECRET
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    turned = Image.fromarray(image_of((slice(0, 40), slice(0, 32))))
    turned.save(folder / "turned.jpg", quality=95, exif=exif, comment=SECRET)
    return sorted(folder.iterdir())


def lines_of(dataset: Path) -> list[dict[str, Any]]:
    return list(iter_lines(dataset))


def test_labels_are_a_dataset_of_the_contract(photos: list[Path], tmp_path: Path) -> None:
    labelled = label_photos(photos, tmp_path / "pseudo", brightness, [left_part, brightness], JOB)
    lines = lines_of(tmp_path / "pseudo")
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert {line["source"] for line in lines} == {"pseudo"}
    assert lines[0]["persons"] == [{"id": 1, "bbox": [8, 8, 8, 24], "area": 192}]
    assert lines[0]["pseudo"]["person"] == pytest.approx(192 / 2560, abs=1e-6)
    assert lines[0]["pseudo"]["confident"] == 1
    assert 0.8 < lines[0]["pseudo"]["known"] < 1  # the band
    assert lines[0]["pseudo"]["entropy"] == pytest.approx(0, abs=1e-6)
    # One early checkpoint found half of the person, or a quarter; the other one all.
    assert [line["pseudo"]["reliability"] for line in lines[:3]] == [0.75, 0.625, 1.0]
    assert labelled.images == 4 and labelled.with_persons == 3 and labelled.left_out == {}
    assert labelled.foreground == pytest.approx((192 + 384 + 0 + 1280) / (4 * 2560), abs=0.002)
    assert labelled.reliability == pytest.approx(
        sum(line["pseudo"]["reliability"] for line in lines) / 4
    )
    assert most_reliable(lines, 0.3)[0] == 0


def test_other_readers_of_the_project_open_it(photos: list[Path], tmp_path: Path) -> None:
    label_photos(photos, tmp_path / "pseudo", brightness, [], JOB)
    source = open_source(tmp_path / "pseudo")
    assert source.check() == []
    sample = source.load(0)
    assert set(np.unique(sample.target)) == {0, PERSON, IGNORE}
    assert (
        sample.target[20, 12] == PERSON
        and sample.target[8, 12] == IGNORE
        and sample.target[0, 0] == 0
    )
    assert abs(sample.image[20, 12].astype(int) - 255).max() < 5
    repaintable = Dataset(tmp_path / "pseudo").sample(0)
    assert repaintable.ignore is not None and repaintable.ignore[8, 12]


def test_photos_are_upright_and_without_their_metadata(photos: list[Path], tmp_path: Path) -> None:
    label_photos(photos, tmp_path / "pseudo", brightness, [], JOB)
    with Image.open(tmp_path / "pseudo" / "images" / "000003.jpg") as copy:
        assert copy.size == (40, 64)
        assert not copy.getexif()
        assert "comment" not in copy.info and "exif" not in copy.info
        assert np.asarray(copy)[:30].mean() > 250  # its left side, turned up


def test_dataset_contains_no_names_of_photos(photos: list[Path], tmp_path: Path) -> None:
    bad = photos[0].with_name(f"{SECRET} bad.jpg")
    bad.write_bytes(b"no image")
    label_photos([*photos, bad], tmp_path / "pseudo", brightness, [brightness], JOB)
    write_contact_sheet(tmp_path / "pseudo")
    for path in (tmp_path / "pseudo").rglob("*"):
        assert SECRET not in path.relative_to(tmp_path).as_posix()
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
        assert path.is_dir() or b"photos/" not in path.read_bytes()


def test_index_contains_names_when_asked_for(photos: list[Path], tmp_path: Path) -> None:
    job = LabelJob("photos", "teacher", named=True)
    label_photos(photos, tmp_path / "pseudo", brightness, [], job)
    assert [line["photograph"] for line in lines_of(tmp_path / "pseudo")] == [
        p.name for p in photos
    ]


def test_photos_are_only_read(photos: list[Path], tmp_path: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos}
    label_photos(photos, tmp_path / "pseudo", brightness, [], JOB)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos} == before
    assert sorted(photos[0].parent.iterdir()) == photos


def test_reliability_is_unknown_without_earlier_checkpoints(
    photos: list[Path], tmp_path: Path
) -> None:
    labelled = label_photos(photos, tmp_path / "pseudo", brightness, [], JOB)
    assert labelled.reliability is None
    assert {line["pseudo"]["reliability"] for line in lines_of(tmp_path / "pseudo")} == {None}


def test_large_photos_are_predicted_whole_and_copied_small(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(image_of((slice(20, 80), slice(0, 100)), 100, 200)).save(path)
    seen = []

    def teacher(image: np.ndarray) -> np.ndarray:
        seen.append(image.shape)
        return brightness(image)

    job = LabelJob("photos", "teacher", PseudoLabelSettings(band=0), longest=50)
    label_photos([path], tmp_path / "pseudo", teacher, [teacher], job)
    assert seen == [(100, 200, 3)] * 2
    (line,) = lines_of(tmp_path / "pseudo")
    assert (line["width"], line["height"]) == (50, 25)
    assert line["persons"] == [{"id": 1, "bbox": [0, 5, 25, 15], "area": 375}]
    assert open_source(tmp_path / "pseudo").load(0).image.shape == (25, 50, 3)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((100, 200), 50, (25, 50)),
        ((200, 100), 50, (50, 25)),
        ((30, 20), 50, (30, 20)),
        ((1, 9000), 32, (1, 32)),
    ],
)
def test_sizes_of_copies(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert fitted(*size, longest) == expected


@pytest.mark.parametrize("longest", [0, 31, 65501])
def test_invalid_sizes_are_refused(longest: int) -> None:
    with pytest.raises(ValueError, match="longest is"):
        LabelJob("photos", "teacher", longest=longest)


# Errors


def test_bad_photos_are_left_out_and_counted(photos: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(photos[3].read_bytes()[:300])
    faults: list[tuple[Path, str]] = []

    def teacher(image: np.ndarray) -> np.ndarray:
        if image.shape[0] == 64:  # the turned one
            return np.full(image.shape[:2], np.nan, np.float32)
        if image[20, 20, 0] == 255:
            raise MemoryError
        return brightness(image)

    given = [bad, *photos]
    labelled = label_photos(
        given,
        tmp_path / "pseudo",
        teacher,
        [],
        JOB,
        on_fault=lambda path, reason: faults.append((path, reason)),
    )
    assert labelled.images == 2
    assert labelled.left_out == {
        "cannot be read": 1,
        "not enough memory": 1,
        "no numbers from the teacher": 1,
    }
    assert dict(iter_left_out(tmp_path / "pseudo")) == {
        0: "cannot be read",
        2: "not enough memory",
        4: "no numbers from the teacher",
    }
    assert [path for path, _ in faults] == [given[0], given[2], given[4]]


def test_removed_photo_ends_the_run_and_is_not_left_out(photos: list[Path], tmp_path: Path) -> None:
    """It may be on a disk that was unplugged."""
    content = photos[1].read_bytes()
    photos[1].unlink()
    with pytest.raises(DataError, match="the photo was removed; restore it"):
        label_photos(photos, tmp_path / "pseudo", brightness, [], JOB)
    assert [line["index"] for line in lines_of(tmp_path / "pseudo")] == [0]
    photos[1].write_bytes(content)
    assert label_photos(photos, tmp_path / "pseudo", brightness, [], JOB).images == 4


def test_no_readable_photo_is_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    with pytest.raises(
        DataError, match=r"none of 1 photos could be labelled \(\{'cannot be read': 1\}\)"
    ):
        label_photos([bad], tmp_path / "pseudo", brightness, [], JOB)


def test_other_error_of_the_teacher_ends_the_run(photos: list[Path], tmp_path: Path) -> None:
    def broken(image: np.ndarray) -> np.ndarray:
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        label_photos(photos, tmp_path / "pseudo", broken, [], JOB)
    assert not list(iter_left_out(tmp_path / "pseudo"))


# Stopping and resuming


def everything(dataset: Path) -> dict[str, bytes]:
    return {
        path.relative_to(dataset).as_posix(): path.read_bytes()
        for path in dataset.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_stopped_run_resumes_to_the_same_dataset(
    photos: list[Path], tmp_path: Path, workers: int
) -> None:
    expected = label_photos(photos, tmp_path / "whole", brightness, [left_part], JOB)
    seen: list[int] = []
    lock = threading.Lock()

    def counted(image: np.ndarray) -> np.ndarray:
        with lock:
            seen.append(1)
        return brightness(image)

    def stops(calls: int) -> Callable[[], None]:
        left = iter(range(calls))

        def on_photo() -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        return on_photo

    with pytest.raises(KeyboardInterrupt):
        label_photos(
            photos,
            tmp_path / "stopped",
            counted,
            [left_part],
            JOB,
            workers=workers,
            on_photo=stops(1),
        )
    seen.clear()
    done: list[int] = []
    again = label_photos(
        photos,
        tmp_path / "stopped",
        counted,
        [left_part],
        JOB,
        workers=workers,
        on_photo=lambda: done.append(1),
    )
    assert len(seen) == 2  # the other two were on disk
    assert len(done) == 4
    assert again == expected
    assert everything(tmp_path / "stopped") == everything(tmp_path / "whole")


def test_left_out_photos_are_not_tried_again(photos: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    given = [bad, *photos]
    first = label_photos(given, tmp_path / "pseudo", brightness, [], JOB)
    faults: list[Path] = []
    again = label_photos(
        given,
        tmp_path / "pseudo",
        brightness,
        [],
        JOB,
        on_fault=lambda path, reason: faults.append(path),
    )
    assert faults == []
    assert again == first


@pytest.mark.parametrize(
    "other",
    [
        LabelJob("other photos", "teacher", JOB.labels),
        LabelJob("photos", "other teacher", JOB.labels),
        LabelJob("photos", "teacher", PseudoLabelSettings()),
        LabelJob("photos", "teacher", JOB.labels, InferenceSettings()),
        LabelJob("photos", "teacher", JOB.labels, longest=640),
        LabelJob("photos", "teacher", JOB.labels, named=True),
    ],
)
def test_labels_of_another_job_are_not_resumed(
    photos: list[Path], tmp_path: Path, other: LabelJob
) -> None:
    label_photos(photos[:1], tmp_path / "pseudo", brightness, [], JOB)
    with pytest.raises(DatasetError, match="made with another recipe"):
        label_photos(photos[:1], tmp_path / "pseudo", brightness, [], other)


def test_few_photos_are_in_memory_at_a_time(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of photos read ahead of the writer is bounded."""
    read, written, most = [0], [0], [0]
    read_image, many = label_images.read_image, photos[:1] * 40

    def counted(path: Path) -> np.ndarray:
        read[0] += 1
        most[0] = max(most[0], read[0] - written[0])
        return read_image(path)

    def on_photo() -> None:
        written[0] += 1

    monkeypatch.setattr(label_images, "read_image", counted)
    label_photos(many, tmp_path / "pseudo", brightness, [], JOB, workers=2, on_photo=on_photo)
    assert most[0] <= 5


# The contact sheet, and a real network


def test_contact_sheet_goes_from_the_most_reliable_to_the_least(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_photos(photos, tmp_path / "pseudo", brightness, [left_part, brightness], JOB)
    shown: list[tuple[str, str]] = []
    sheet = label_images.contact_sheet
    monkeypatch.setattr(
        label_images,
        "contact_sheet",
        lambda examples: shown.extend((e.name, e.caption) for e in examples) or sheet(examples),
    )
    path = write_contact_sheet(tmp_path / "pseudo")
    assert path.name == CONTACT_SHEET_NAME
    assert [name for name, _ in shown] == ["000002", "000000", "000003", "000001"]
    assert shown[0][1] == "1.00  0% person"
    with Image.open(path) as image:
        assert image.size[0] > 4 * 300
    shown.clear()
    write_contact_sheet(tmp_path / "pseudo", most=2)
    assert [name for name, _ in shown] == ["000002", "000001"]
    shown.clear()
    write_contact_sheet(tmp_path / "pseudo", most=1)
    assert [name for name, _ in shown] == ["000002"]


def test_most_confident_come_first_without_reliability(photos: list[Path], tmp_path: Path) -> None:
    def unsure_of_large(image: np.ndarray) -> np.ndarray:
        found = brightness(image)
        return np.where(found.mean() > 0.1, 0.6, 1.0) * found

    label_photos(photos[:2], tmp_path / "pseudo", unsure_of_large, [], JOB)
    ranks = {line["index"]: label_images.rank_of(line) for line in iter_lines(tmp_path / "pseudo")}
    assert ranks[0] > ranks[1]


def test_examples_show_persons_tinted_and_ignored_pixels_dimmed(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((64, 64, 3), 120, np.uint8)).save(path)

    def teacher(image: np.ndarray) -> np.ndarray:
        found = np.zeros(image.shape[:2], np.float32)
        found[:, :20], found[:, 20:40] = 1.0, 0.6
        return found

    job = LabelJob("photos", "teacher", PseudoLabelSettings(band=0))
    label_photos([path], tmp_path / "pseudo", teacher, [], job)
    example = label_images.example_of(open_source(tmp_path / "pseudo").load(0), 0.5)
    person, ignored, background = (
        example.image[160, column].astype(int) for column in (50, 150, 280)
    )
    assert person[0] > person[1] + 50
    assert abs(ignored - 40).max() < 5
    assert abs(background - 120).max() < 5
    assert example.caption == "0.50  31% person"


def test_teacher_from_a_checkpoint_is_calibrated_and_uses_its_views(tmp_path: Path) -> None:
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    weights = Segmenter(network).state_dict()
    image = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    views = InferenceSettings(size=64, scales=(0.5, 1.0), flip=True)

    def logits(temperature: float, settings: InferenceSettings) -> np.ndarray:
        path = tmp_path / "best.ckpt"
        save_checkpoint(path, Checkpoint(SIZES["tiny"], weights, temperature=temperature))
        found = load_teacher(path, settings)(image)
        assert found.dtype == np.float32 and found.shape == (40, 64)
        return np.log(found / (1 - found))

    plain = logits(1.0, views)
    np.testing.assert_allclose(logits(2.0, views), plain / 2, atol=1e-3)
    assert np.abs(logits(1.0, InferenceSettings(size=64)) - plain).max() > 1e-3


def test_job_is_plain_data() -> None:
    info = JOB.info(3)
    assert json.loads(json.dumps(info)) == info
    assert info["recipe"]["views"]["scales"] == list(label_images.VIEWS.scales)
