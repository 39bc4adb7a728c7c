"""Every layout gives the same samples, and whatever cannot be read is named, not trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as run_length

from blender_addon.bodies.joints import PARTS
from pii_seg.data import image_io
from pii_seg.data.coco_export import export_coco
from pii_seg.data.sources import (
    MaskCode,
    MaskOptions,
    PersonFree,
    Source,
    keep_in_memory,
    open_source,
    open_sources,
    read_image,
    read_mask,
)
from pii_seg.data.sources.outlines import Outline, decode_counts, rasterise
from pii_seg.errors import DataError
from tests.pii_seg.conftest import HEIGHT, WIDTH, encoded, masks

RED = np.zeros((HEIGHT, WIDTH, 3), np.uint8) + np.array([200, 20, 20], np.uint8)


def write(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(array, "JPEG" if path.suffix == ".jpg" else "PNG"))
    return path


def folder(root: Path, **by_name: np.ndarray) -> Path:
    """A plain folder with one red image for each mask."""
    for name, mask in by_name.items():
        write(root / f"images/{name}.jpg", RED)
        write(root / f"masks/{name}.png", mask)
    return root


def block(value: int, *, dtype: type = np.uint8) -> np.ndarray:
    """A mask with `value` in a corner that is not square, so that a transposed one differs."""
    mask = np.zeros((HEIGHT, WIDTH), dtype)
    mask[:5, :20] = value
    return mask


def faults_of(source: Source) -> str:
    return "\n".join(map(str, source.faults))


# The dataset contract


def test_contract_gives_image_target_and_instances(dataset: Path) -> None:
    source = open_source(dataset)
    assert (source.name, len(source), source.photo_only) == ("dataset", 3, False)
    for i, expected in enumerate(masks()):
        sample = source.load(i)
        assert sample.name == f"{i:06d}"
        assert sample.image.shape == (HEIGHT, WIDTH, 3) and sample.image.dtype == np.uint8
        assert sample.target.dtype == np.uint8 and sample.instances is not None
        np.testing.assert_array_equal(sample.target, expected > 0)
        np.testing.assert_array_equal(sample.instances, expected)
    assert source.load(0).visibility == {1: 1.0, 2: 1.0, 3: 0.0}
    assert source.check() == []


def edit_line(dataset: Path, number: int, **changes: Any) -> None:
    path = dataset / "metadata.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[number].update(changes)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_contract_person_255_is_a_person_and_ignore_is_an_image_of_its_own(dataset: Path) -> None:
    write(dataset / "masks/000000.png", block(255))
    ignore = np.zeros((HEIGHT, WIDTH), np.uint8)
    ignore[:, 30:] = 255
    write(dataset / "ignore/000000.png", ignore)
    edit_line(dataset, 0, persons=[{"id": 255}], ignore_file_name="ignore/000000.png")
    sample = open_source(dataset).load(0)
    np.testing.assert_array_equal(sample.target, np.where(ignore > 0, 255, block(255) > 0))
    assert sample.instances is not None and sample.instances.max() == 255


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"file_name": "../secret.jpg"}, "leads out of the dataset"),
        ({"mask_file_name": "/etc/passwd"}, "leads out of the dataset"),
        ({"mask_file_name": None}, "no 'mask_file_name'"),
        ({"persons": None}, "no list 'persons'"),
        ({"persons": [{"id": 0}]}, "not a whole number"),
        ({"persons": [{"id": True}]}, "not a whole number"),
        ({"persons": [{"id": 1, "visibility": 7}]}, "visibility"),
    ],
)
def test_contract_invalid_lines_are_left_out_by_number(
    dataset: Path, changes: dict[str, Any], said: str
) -> None:
    edit_line(dataset, 1, **changes)
    source = open_source(dataset)
    assert len(source) == 2 and "line 2" in faults_of(source) and said in faults_of(source)
    with pytest.raises(DataError, match="line 2"):
        open_source(dataset, strict=True)


def test_contract_check_names_bad_files_and_leaves_them_out(dataset: Path) -> None:
    write(
        dataset / "masks/000001.png", np.full((HEIGHT, WIDTH), 9, np.uint8)
    )  # a person the line does not list
    (dataset / "images/000002.jpg").write_bytes(b"no picture")
    source = open_source(dataset)
    assert len(source) == 3  # nothing was opened yet
    bad = source.check()
    assert [fault.path.name for fault in bad] == ["000001.jpg", "000002.jpg"]
    assert "person 9" in str(bad[0]) and "damaged" in str(bad[1])
    assert [source.load(i).name for i in range(len(source))] == ["000000"]
    with pytest.raises(DataError, match=r"2 images cannot be used.*person 9"):
        open_source(dataset, strict=True).check()


def test_contract_of_another_schema_or_a_damaged_index_is_an_error(dataset: Path) -> None:
    (dataset / "metadata.jsonl").write_text('{"index": 0\n')
    with pytest.raises(DataError, match="line 1 is damaged"):
        open_source(dataset)
    (dataset / "dataset.json").write_text('{"schema_version": 99}')
    with pytest.raises(DataError, match="schema version"):
        open_source(dataset)


# Plain folders


def test_folder_of_white_masks_with_ignore_and_instances(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", a=block(255), b=block(0))
    ids = block(1, dtype=np.uint16)
    ids[:5, 10:25] = 700  # reaches out of the mask, which decides
    write(root / "instances/a.png", ids)
    ignore = np.zeros((HEIGHT, WIDTH), np.uint8)
    ignore[0] = 255
    write(root / "ignore/a.png", ignore)
    source = open_source(root)
    sample = source.load(0)
    np.testing.assert_array_equal(np.unique(sample.target), [0, 1, 255])
    np.testing.assert_array_equal(sample.target == 1, (block(255) > 0) & (ignore == 0))
    assert sample.instances is not None
    np.testing.assert_array_equal(sample.instances, np.where(block(255) > 0, ids, 0))
    assert source.load(1).target.max() == 0 and source.load(1).instances is None


@pytest.mark.parametrize(
    ("corner", "code", "persons", "ignored"),
    [
        ([255, 255, 255], MaskCode.WHITE, [1, 1, 1], [0, 0, 0]),
        ([1, 1, 1], MaskCode.CLASSES, [1, 1, 1], [0, 0, 0]),
        ([1, 255, 1], MaskCode.CLASSES, [1, 0, 1], [0, 1, 0]),
        ([1, 2, 3], MaskCode.IDS, [1, 1, 1], [0, 0, 0]),
        ([1, 2, 255], MaskCode.IDS, [1, 1, 0], [0, 0, 1]),
    ],
)
def test_folder_masks_follow_one_convention(
    tmp_path: Path, corner: list[int], code: MaskCode, persons: list[int], ignored: list[int]
) -> None:
    root = folder(tmp_path / "set", **{f"m{i}": block(value) for i, value in enumerate(corner)})
    source = open_source(root)
    assert source.code is code  # type: ignore[attr-defined]
    targets = [source.load(i).target[0, 0] for i in range(3)]
    assert targets == [255 if i else p for p, i in zip(persons, ignored, strict=True)]
    assert all(source.load(i).target[-1, -1] == 0 for i in range(3))


def test_folder_of_16_bit_ids(tmp_path: Path) -> None:
    source = open_source(
        folder(tmp_path / "ids", a=block(255, dtype=np.uint16), b=block(999, dtype=np.uint16))
    )
    assert [source.load(i).target[0, 0] for i in range(2)] == [1, 1]  # 255 is a person in 16 bit


@pytest.mark.parametrize("levels", [[128], [64, 128, 191], list(range(1, 255))])
def test_folder_of_smoothed_masks_is_cut_at_half(tmp_path: Path, levels: list[int]) -> None:
    smooth = np.full((HEIGHT, WIDTH), 255, np.uint8)
    smooth[:10] = 0
    smooth.ravel()[: len(levels)] = levels
    source = open_source(folder(tmp_path / "soft", a=smooth))
    np.testing.assert_array_equal(source.load(0).target, smooth >= 128)


def test_folder_of_many_ids_is_not_taken_for_smoothed_masks(tmp_path: Path) -> None:
    crowd = (np.arange(HEIGHT * WIDTH) % 100).astype(np.uint8).reshape(HEIGHT, WIDTH)
    sample = open_source(folder(tmp_path / "ids", a=crowd)).load(0)
    np.testing.assert_array_equal(sample.target, crowd > 0)


def test_folder_convention_can_be_given_and_a_mask_that_breaks_it_is_a_fault(
    tmp_path: Path,
) -> None:
    root = folder(tmp_path / "set", a=block(1), b=block(2))
    source = open_source(root, masks=MaskOptions("classes"))
    bad = source.check()
    assert len(bad) == 1 and "the value 2" in bad[0].reason and len(source) == 1


def test_folder_images_and_masks_without_each_other_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", good=block(255))
    write(root / "images/lonely.jpg", RED)
    write(root / "masks/stray.png", block(255))
    write(root / "images/good.png", RED)  # a second image of that name
    (root / "images/phone.heic").write_bytes(b"")
    (root / "images/Thumbs.db").write_bytes(b"")  # no image, no fault
    source = open_source(root)
    assert len(source) == 1
    assert sorted(fault.path.name for fault in source.faults) == [
        "good.png",
        "lonely.jpg",
        "phone.heic",
        "stray.png",
    ]
    with pytest.raises(DataError, match=r"4 images cannot be used.*lonely"):
        open_source(root, strict=True)


def test_folder_mask_of_another_size_is_a_fault_that_says_both(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", good=block(255), turned=block(255).T.copy())
    bad = open_source(root).check()
    assert [fault.path.name for fault in bad] == ["turned.jpg"]
    assert (
        f"{HEIGHT}×{WIDTH}" in bad[0].reason
        and f"{WIDTH}×{HEIGHT}" in bad[0].reason
        and "EXIF" in bad[0].reason
    )


def test_folders_nest_and_keep_their_order(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", **{"b/2": block(255), "a/1": block(255), "a/10": block(255)})
    source = open_source(root)
    assert [source.load(i).name for i in range(3)] == ["a/1", "a/10", "b/2"]


def test_folder_names_that_never_match_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "images/a.jpg", RED)
    write(tmp_path / "masks/a_person.png", block(255))
    with pytest.raises(DataError, match=r"a\.jpg.*a_person\.png.*same names"):
        open_source(tmp_path)


def test_photos_alone_are_ignore_or_background_if_they_are_person_free(tmp_path: Path) -> None:
    write(tmp_path / "photos/a.jpg", RED)
    source = open_source(tmp_path / "photos")
    assert source.photo_only and (source.load(0).target == 255).all()
    free = PersonFree(source)
    assert not free.photo_only and len(free) == 1 and (free.load(0).target == 0).all()
    with_person = PersonFree(open_source(folder(tmp_path / "set", a=block(255))))
    with pytest.raises(DataError, match="given as one without people"):
        with_person.load(0)


# Pascal VOC


def voc(root: Path) -> Path:
    classes = block(15)
    classes[10:12] = 7
    classes[5] = 255
    objects = np.zeros_like(classes)
    objects[:5, :10], objects[:5, 10:20], objects[10:12] = 1, 2, 3
    for name in ("x", "y", "unlabelled"):
        write(root / f"JPEGImages/{name}.jpg", RED)
    for name in ("x", "y"):
        for part, array in (("SegmentationClass", classes), ("SegmentationObject", objects)):
            picture = Image.fromarray(array, "P")
            picture.putpalette([(37 * i) % 256 for i in range(768)])
            (root / part).mkdir(exist_ok=True)
            picture.save(root / part / f"{name}.png")
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/val.txt").write_text("y\nmissing\n")
    return root


def test_voc_takes_class_15_through_the_palette(tmp_path: Path) -> None:
    source = open_source(voc(tmp_path / "VOC"))
    assert len(source) == 2 and source.faults == []
    sample = source.load(0)
    np.testing.assert_array_equal(sample.target == 1, block(15) > 0)
    np.testing.assert_array_equal(np.unique(np.nonzero(sample.target == 255)[0]), [5])
    assert sample.instances is not None
    np.testing.assert_array_equal(np.unique(sample.instances), [0, 1, 2])  # 3 is of another class


def test_voc_list_of_names(tmp_path: Path) -> None:
    source = open_source(voc(tmp_path / "VOC") / "ImageSets/Segmentation/val.txt")
    assert (source.name, len(source), source.load(0).name) == ("VOC-val", 1, "y")
    assert "missing" in faults_of(source)
    (tmp_path / "names.txt").write_text("x\n")
    with pytest.raises(DataError, match="JPEGImages"):
        open_source(tmp_path / "names.txt")


# COCO


def test_coco_export_reads_back_as_the_dataset(dataset: Path) -> None:
    export_coco(dataset, dataset / "coco.json")
    source, original = open_source(dataset / "coco.json"), open_source(dataset)
    assert (source.name, len(source), source.check()) == ("dataset", 3, [])
    for i in range(3):
        ours, theirs = source.load(i), original.load(i)
        assert ours.name == theirs.name
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.target, theirs.target)
        assert ours.instances is not None and theirs.instances is not None
        assert (ours.instances > 0).sum() == (theirs.instances > 0).sum()


def coco(root: Path, annotations: list[dict[str, Any]], **image: Any) -> Path:
    """A COCO file as COCO lays it out: annotations/instances_val.json and val/."""
    write(root / "val/a.jpg", RED)
    path = root / "annotations/instances_val.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": 4, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT, **image}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [{"image_id": 4, "category_id": 1, **a} for a in annotations],
    }
    path.write_text(json.dumps(content))
    return path


def test_coco_polygons_crowds_boxes_and_other_classes(tmp_path: Path) -> None:
    polygon = [2, 2, 12, 2, 12, 8, 2, 8]
    path = coco(
        tmp_path,
        [
            {"segmentation": [polygon]},
            {"segmentation": [[20, 2, 30, 2, 30, 8, 20, 8]], "category_id": 2},
            {"bbox": [0, 20, 10, 5]},
            {
                "segmentation": {
                    "size": [HEIGHT, WIDTH],
                    "counts": [0, HEIGHT, HEIGHT * (WIDTH - 1)],
                },
                "iscrowd": 1,
            },
        ],
    )
    sample = open_source(path).load(0)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[2:8, 2:12] = 1
    expected[20:25, 0:10] = 255  # a box: somebody, somewhere in it
    expected[:, 0] = 255  # the crowd
    np.testing.assert_array_equal(sample.target, expected)
    assert sample.instances is not None
    np.testing.assert_array_equal(sample.instances, expected == 1)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3]],
        [[1, 2, 3, 4, 5, None]],
        [[1, 2, 3, 4, 5, float("nan")]],
        "text",
        {"size": [1, 1], "counts": [1]},
        {"size": [HEIGHT, WIDTH], "counts": [5]},
        {"size": [HEIGHT, WIDTH], "counts": [-5, HEIGHT * WIDTH + 5]},
        {"size": [HEIGHT, WIDTH], "counts": "\x00"},
        {"size": [HEIGHT, WIDTH], "counts": "oooooooooooooooooo"},
        {"size": [HEIGHT, WIDTH], "counts": None},
        {"counts": "1"},
    ],
)
def test_coco_invalid_outlines_are_faults(tmp_path: Path, segmentation: Any) -> None:
    source = open_source(coco(tmp_path, [{"segmentation": segmentation}]))
    with pytest.raises(DataError, match=r"a\.jpg: an outline .* is damaged"):
        source.load(0)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"file_name": "../../x.jpg"}, "leads out"),
        ({"file_name": "absent.jpg"}, "is in none of"),
        ({"width": 10**9, "height": 10**9}, "no sensible width"),
        ({"width": "4"}, "no sensible width"),
    ],
)
def test_coco_image_that_cannot_be_used_is_named(
    tmp_path: Path, image: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        open_source(coco(tmp_path, [], **image))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"images": [], "categories": []}',
        '{"images": 3, "categories": 3}',
        "{" * 9,
    ],
)
def test_coco_files_that_are_not_coco_are_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.json"):
        open_source(path)


def test_coco_without_persons_names_its_categories(tmp_path: Path) -> None:
    path = coco(tmp_path, [])
    path.write_text(path.read_text().replace('"person"', '"pedestrian"'))
    with pytest.raises(DataError, match=r"no category 'person'.*pedestrian"):
        open_source(path)


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_compressed_run_lengths_decode_as_pycocotools_does(bits: list[bool]) -> None:
    mask = np.repeat(np.asfortranarray(np.array(bits, np.uint8).reshape(3, 4)), 40, axis=1)
    code = run_length.encode(np.asfortranarray(mask))
    segmentation = {"size": list(mask.shape), "counts": code["counts"].decode()}
    np.testing.assert_array_equal(
        rasterise(Outline(segmentation, None, False), *mask.shape), mask > 0
    )


@given(st.text(alphabet=[chr(c) for c in range(40, 120)], max_size=30))
def test_hostile_run_lengths_raise_only_value_errors(text: str) -> None:
    try:
        decode_counts(text)
        rasterise(Outline({"size": [30, 40], "counts": text}, None, False), 30, 40)
    except ValueError:
        pass


# Recognising, and hostile files


def test_an_unknown_layout_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no images; expected dataset\.json"):
        open_source(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match="no usable image"):
        open_source(tmp_path)
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(DataError, match="no known kind"):
        open_source(tmp_path / "x.zip")


def test_a_folder_of_sources_opens_as_several_and_not_as_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder(tmp_path / "all" / name, a=block(255))
    assert [source.name for source in open_sources(tmp_path / "all")] == ["one", "two"]
    assert [source.name for source in open_sources(tmp_path / "all/one")] == ["one"]
    with pytest.raises(DataError, match=r"several sources \(one, two\)"):
        open_source(tmp_path / "all")  # or its masks would be taken for photos


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.5, 0.97])
def test_a_truncated_image_is_rejected(tmp_path: Path, kind: str, kept: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    content = encoded(noise, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[kind])
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(content)
    assert read_image(path).shape == (64, 64, 3)
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match=str(path)):
        read_image(path)


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    array = np.zeros((20, 40, 3), np.uint8)
    array[:, 20:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    for name in ("a.jpg", "a.png"):
        Image.fromarray(array).save(tmp_path / name, exif=exif)
        upright = read_image(tmp_path / name)
        assert upright.shape == (40, 20, 3)
        assert upright[:15].max() < 20 and upright[25:].min() > 235


def test_a_decompression_bomb_is_rejected_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.png", RED)
    monkeypatch.setattr(image_io, "MAX_PIXELS", HEIGHT * WIDTH - 1)
    with pytest.raises(DataError, match="larger than"):
        read_image(path)
    with pytest.raises(DataError, match="larger than"):
        read_mask(path)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(np.full((4, 6), 51400, np.uint16)).save(path)
    else:
        Image.new("L", (6, 4), 200).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (4, 6, 3) and image.dtype == np.uint8
    assert mode == "1" or abs(image.astype(int) - 200).max() <= 2


def test_masks_keep_their_numbers(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        read_mask(write(tmp_path / "a.png", block(60000, dtype=np.uint16))),
        block(60000, dtype=np.uint16),
    )
    grey_as_rgb = np.repeat(block(200)[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_mask(write(tmp_path / "b.png", grey_as_rgb)), block(200))
    with pytest.raises(DataError, match="colour image"):
        read_mask(write(tmp_path / "c.png", RED))
    bilevel = tmp_path / "d.png"
    Image.fromarray(block(1) > 0).save(bilevel)
    np.testing.assert_array_equal(read_mask(bilevel), block(1))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_image_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"anything\.jpg"):
        read_image(path)


# In memory


def test_memory_holds_what_fits_and_changes_nothing(dataset: Path, tmp_path: Path) -> None:
    plain = open_source(dataset)
    one = HEIGHT * WIDTH * (3 + 1 + 2)
    (held,) = keep_in_memory([open_source(dataset)], 2 * one + 5)
    (dataset / "images/000000.jpg").unlink()
    (dataset / "images/000002.jpg").unlink()
    assert held.load(0).name == held.load(-3).name == "000000"  # from memory
    np.testing.assert_array_equal(held.load(1).image, plain.load(1).image)
    with pytest.raises(DataError, match="000002"):  # the third did not fit
        held.load(2)
    with pytest.raises(ValueError, match="read-only"):
        held.load(0).image[:] = 0


def heads_of(source: Source, number: int) -> np.ndarray | None:
    return source.heads(number, source.load(number).image)


def test_folder_heads_are_read_apart_from_samples(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", a=block(255), b=block(0))
    assert heads_of(open_source(root), 0) is None
    head = np.zeros((HEIGHT, WIDTH), np.uint8)
    head[2:5, 3:6] = 255
    write(root / "heads/a.png", head)
    source = open_source(root)
    np.testing.assert_array_equal(heads_of(source, 0), head > 0)
    assert heads_of(source, 1) is None
    write(root / "heads/a.png", head[:-1])
    with pytest.raises(DataError, match=r"a\.png"):
        heads_of(source, 0)


def test_contract_heads_are_a_body_part(dataset: Path) -> None:
    assert heads_of(open_source(dataset), 0) is None
    parts = np.full((HEIGHT, WIDTH), PARTS.index("neck") + 1, np.uint8)
    parts[:3] = PARTS.index("head") + 1
    write(dataset / "parts/0.png", parts)
    edit_line(dataset, 0, parts_file_name="parts/0.png")
    np.testing.assert_array_equal(heads_of(open_source(dataset), 0), parts == parts[0, 0])


def test_folder_of_photos_may_have_a_folder_called_heads(tmp_path: Path) -> None:
    write(tmp_path / "heads/a.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert len(open_source(tmp_path)) == 1
