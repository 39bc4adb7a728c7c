"""Labels as VOC, CVAT, LabelMe and COCO programs write them: read as meant, or refused by name."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pii_seg.data import bounded_json
from pii_seg.data.sources import MaskOptions, Source, notes_of, open_source
from pii_seg.data.sources.label_map import parse_label_map
from pii_seg.data.sources.voc import voc_colour
from pii_seg.errors import DataError, InputError
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of
from tests.pii_seg.conftest import HEIGHT, WIDTH, encoded

RED = np.zeros((HEIGHT, WIDTH, 3), np.uint8) + np.array([200, 20, 20], np.uint8)
SQUARE = [2, 2, 12, 2, 12, 8, 2, 8]


def write(path: Path, array: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if options:
        Image.fromarray(array).save(path, **options)
    else:
        path.write_bytes(encoded(array, "JPEG" if path.suffix == ".jpg" else "PNG"))
    return path


def square() -> np.ndarray:
    """The pixels of SQUARE."""
    found = np.zeros((HEIGHT, WIDTH), bool)
    found[2:8, 2:12] = True
    return found


def notes(source: Source) -> str:
    for i in range(len(source)):
        source.load(i)
    return "\n".join([*notes_of(source), *map(str, source.faults)])


def assert_square(source: Source, number: int = 0) -> None:
    np.testing.assert_array_equal(source.load(number).target == 1, square())


# Folders of masks


def pairs(root: Path, **masks: np.ndarray) -> Path:
    for name, mask in masks.items():
        write(root / f"images/{name}.jpg", RED)
        write(root / f"masks/{name}.png", mask)
    return root


def with_alpha(shape: np.ndarray) -> np.ndarray:
    return np.dstack([np.zeros((*shape.shape, 3), np.uint8), shape.astype(np.uint8) * 255])


def test_masks_with_the_person_in_alpha_are_read_and_that_is_said(tmp_path: Path) -> None:
    source = open_source(pairs(tmp_path / "set", a=with_alpha(square()), b=with_alpha(square())))
    assert_square(source)
    assert "set: masks read as alpha: transparent is background" in notes(source)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1,), "masks read as classes: 0 is background, 1 person"),
        ((255,), "masks read as white: 0 is background, 255 person"),
        ((128,), "masks read as nonzero: 0 is background, 128 person"),
        ((1, 2), "masks read as ids"),
    ],
)
def test_the_reading_of_numbers_is_said(tmp_path: Path, values: Sequence[int], said: str) -> None:
    masks = {f"m{v}": np.where(square(), v, 0).astype(np.uint8) for v in values}
    source = open_source(pairs(tmp_path / "set", **masks))
    assert_square(source)
    assert said in notes(source)


def test_a_folder_that_mixes_0_1_with_0_255_is_warned_about(tmp_path: Path) -> None:
    masks = {f"m{v}": np.where(square(), v, 0).astype(np.uint8) for v in (1, 255)}
    source = open_source(pairs(tmp_path / "set", **masks))
    assert "255 is ignored; if 255 is a person, give --mask-code nonzero" in notes(source)
    both = open_source(tmp_path / "set", masks=MaskOptions("nonzero"))
    for number in range(2):
        assert_square(both, number)


def test_numbers_of_classes_are_not_taken_for_persons(tmp_path: Path) -> None:
    mask = np.where(square(), 15, 0).astype(np.uint8)
    mask[20:] = 7
    root = pairs(tmp_path / "set", a=mask)
    with pytest.raises(DataError, match=r"a\.png and others hold 7, 15.*--person-class"):
        open_source(root)
    assert_square(open_source(root, masks=MaskOptions(person_class=("15",))))
    (root / "class_names.txt").write_text("\n".join(f"c{n}" for n in range(15)) + "\nPerson\n")
    source = open_source(root)
    assert_square(source)
    assert "masks read as classes: person, 15 is person" in notes(source)


def test_colours_of_a_label_map_need_the_persons_colour(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[square()], mask[20:] = (192, 128, 128), (0, 0, 128)
    root = pairs(tmp_path / "set", a=mask)
    with pytest.raises(DataError, match=r"colours \(#000080, #c08080\).*--person-class"):
        open_source(root)
    assert_square(open_source(root, masks=MaskOptions(person_class=("192,128,128",))))
    (root / "label_colors.txt").write_text("0 0 0 void\n192 128 128 person\n0 0 128 car\n")
    assert_square(open_source(root))


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((HEIGHT, WIDTH), np.uint8), "none of 1 masks shows a person"),
        (np.full((HEIGHT, WIDTH), 255, np.uint8), "show persons and nothing else"),
        (np.where(square(), 0, 255).astype(np.uint8), "give --mask-code inverted"),
    ],
)
def test_masks_that_are_probably_read_wrongly_are_warned_about(
    tmp_path: Path, mask: np.ndarray, said: str
) -> None:
    assert said in notes(open_source(pairs(tmp_path / "set", a=mask)))


@pytest.mark.parametrize(
    "name", ["á.png", "Á.PNG", "á.jpg.png", "á_mask.png", "á-mask.png", "á.jpg_mask.tif"]
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_mask_is_found_by_any_usual_name(tmp_path: Path, name: str, form: Any) -> None:
    write(tmp_path / "images" / unicodedata.normalize("NFC", "á.jpg"), RED)
    mask = np.where(square(), 255, 0).astype(np.uint8)
    write(tmp_path / "masks" / unicodedata.normalize(form, name), mask)
    source = open_source(tmp_path)
    assert source.faults == []
    assert_square(source)


def test_several_masks_for_one_image_are_refused_by_name(tmp_path: Path) -> None:
    mask = np.where(square(), 255, 0).astype(np.uint8)
    root = pairs(tmp_path / "set", a=mask, b=mask, b_mask=mask)
    write(root / "masks/a_mask.png", mask)
    source = open_source(root)
    # b_mask.png is that of the image b_mask.jpg, so it is none of b.jpg
    assert [fault.path.name for fault in source.faults] == ["a.jpg"]
    assert "several masks (a.png, a_mask.png)" in str(source.faults[0])
    assert len(source) == 2


def test_masks_beside_their_images(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.jpg", RED)
        write(tmp_path / f"{name}_mask.png", np.where(square(), 1, 0).astype(np.uint8))
    write(tmp_path / "c.jpg", RED)
    (tmp_path / "_classes.csv").write_text("Pixel Value, Class\n0, background\n1, person\n")
    source = open_source(tmp_path)
    assert len(source) == 2 and "c.jpg: has no mask" in notes(source)
    assert_square(source)


def test_a_mask_drawn_on_the_stored_pixels_is_turned_with_its_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path / "images/a.jpg", RED, exif=exif)
    write(tmp_path / "masks/a.png", np.where(square(), 255, 0).astype(np.uint8))
    target = open_source(tmp_path).load(0).target
    np.testing.assert_array_equal(target, np.rot90(square(), -1))


# Pascal VOC and CVAT's "Segmentation mask 1.1"


def voc(root: Path, mask: np.ndarray, objects: np.ndarray | None = None) -> Path:
    write(root / "JPEGImages/x.jpg", RED)
    write(root / "SegmentationClass/x.png", mask)
    if objects is not None:
        write(root / "SegmentationObject/x.png", objects)
    return root


def test_voc_with_a_list_of_classes(tmp_path: Path) -> None:
    root = voc(tmp_path / "voc", np.where(square(), 1, 0).astype(np.uint8))
    source = open_source(root)
    assert "none of 1 masks shows a person" in notes(source)  # 15 is VOC's person
    (root / "class_names.txt").write_text("_background_\nperson\ndog\n")
    source = open_source(root)
    assert_square(source)
    assert "person, 1 is person" in notes(source)
    assert_square(open_source(root, masks=MaskOptions(person_class=("1",))))
    (root / "class_names.txt").write_text("_background_\npedestrian\n")
    with pytest.raises(DataError, match=r"classes are _background_, pedestrian.*--person-class"):
        open_source(root)
    assert_square(open_source(root, masks=MaskOptions(person_class=("pedestrian",))))
    with pytest.raises(InputError, match="dog"):
        open_source(root, masks=MaskOptions(person_class=("dog",)))


def test_voc_in_colours(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[square()], mask[20], mask[25:] = (192, 128, 128), (224, 224, 192), voc_colour(7)
    source = open_source(voc(tmp_path / "voc", mask))
    assert_square(source)
    assert (source.load(0).target[20] == 255).all()


def test_cvat_segmentation_mask(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[square()], mask[20:] = (10, 20, 30), (200, 0, 0)
    objects = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    objects[2:8, 2:7], objects[2:8, 7:12], objects[20:] = (128, 0, 0), (0, 128, 0), (128, 128, 0)
    root = voc(tmp_path / "cvat", mask, objects)
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nperson:10,20,30::\ncar:200,0,0::\n"
    )
    source = open_source(root)
    assert_square(source)
    instances = source.load(0).instances
    assert instances is not None and len(np.unique(instances[square()])) == 2
    assert not instances[~square()].any()
    (root / "labelmap.txt").write_text("background:0,0,0::\nperson:10,20,30::\n")
    with pytest.raises(DataError, match="#c80000, which its label map does not name"):
        open_source(root).load(0)


def test_a_list_of_names_with_spaces_and_flags(tmp_path: Path) -> None:
    root = voc(tmp_path / "voc", np.where(square(), 15, 0).astype(np.uint8))
    write(root / "JPEGImages/my photo.jpg", RED)
    write(root / "SegmentationClass/my photo.png", np.where(square(), 15, 0).astype(np.uint8))
    listed = root / "ImageSets/Segmentation/val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("\ufeffmy photo\nx  1\n", encoding="utf-8")
    source = open_source(listed)
    assert [source.load(i).name for i in range(2)] == ["my photo", "x"] and not source.faults


# COCO


def coco(root: Path, annotations: list[Any], **image: Any) -> Path:
    write(root / "a.jpg", RED)
    record = {"id": 4, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT, **image}
    content = {
        "images": [{key: value for key, value in record.items() if value is not None}],
        "categories": [{"id": 1, "name": "person"}, {"id": "2", "name": "Rider"}],
        "annotations": annotations,
    }
    path = root / "labels.json"
    path.write_text(json.dumps(content))
    return path


GOOD: dict[str, Any] = {"image_id": 4, "category_id": 1, "segmentation": [SQUARE]}


@pytest.mark.parametrize(
    ("annotation", "image"),
    [
        (GOOD, {}),
        (GOOD, {"width": None, "height": None}),
        (GOOD, {"width": float(WIDTH), "height": float(HEIGHT)}),
        (GOOD, {"file_name": "A.JPG"}),
        (GOOD, {"id": "4"}),
        ({**GOOD, "image_id": "4", "category_id": "1"}, {}),
        ({**GOOD, "image_id": 4.0, "category_id": 1.0}, {}),
        ({**GOOD, "segmentation": SQUARE}, {}),
        ({**GOOD, "segmentation": [[2, 2], [12, 2], [12, 8], [2, 8]]}, {}),
        ({**GOOD, "segmentation": [SQUARE, [1, 1, 5, 5]]}, {}),
        ({**GOOD, "iscrowd": "0"}, {}),
    ],
)
def test_coco_quirks_are_read(
    tmp_path: Path, annotation: dict[str, Any], image: dict[str, Any]
) -> None:
    source = open_source(coco(tmp_path, [annotation], **image))
    assert_square(source)
    assert "category person is person" in notes(source)


BAD: list[Any] = [
    {"segmentation": [[1, 1, 5, 5]]},
    {"segmentation": [[1, 1, 5, 5, float("nan"), 3]]},
    {"segmentation": [[1, 1, 5, "5", 4, 3]]},
    {"segmentation": "x"},
    {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [5]}},
    {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "o"}},
    {"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}},
    {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [0.5, HEIGHT * WIDTH - 0.5]}},
    {"segmentation": [[0, 0, 1e9, 0, 0, 1e9] * 60_000]},
    {"bbox": [1, 2, "x", 4]},
    {"bbox": None},
    {"image_id": None, "segmentation": [SQUARE]},
    {"image_id": 99, "segmentation": [SQUARE]},
    7,
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_one_bad_annotation_does_not_take_the_image(tmp_path: Path, bad: Any) -> None:
    if isinstance(bad, dict):
        bad = {"image_id": 4, "category_id": 1, **bad}
    path = coco(tmp_path, [bad, GOOD])
    source = open_source(path)
    assert_square(source)
    assert "1 annotation was skipped" in notes(source)
    with pytest.raises(DataError):
        open_source(path, strict=True).load(0)


def test_the_box_of_a_bad_annotation_is_ignored_area(tmp_path: Path) -> None:
    bad = {**GOOD, "segmentation": [[1, 1, 5, 5]], "bbox": [20, 20, 5, 5]}
    sample = open_source(coco(tmp_path, [bad, GOOD])).load(0)
    assert (sample.target[20:25, 20:25] == 255).all()


def test_an_image_of_which_every_annotation_is_bad_is_left_out(tmp_path: Path) -> None:
    bad = {**GOOD, "segmentation": "x"}
    with pytest.raises(DataError, match="no usable image"):
        open_source(coco(tmp_path, [bad])).check()


def test_coco_of_an_image_that_its_exif_data_turns(tmp_path: Path) -> None:
    path = coco(tmp_path, [GOOD])
    exif = Image.Exif()
    exif[0x0112] = 8
    write(tmp_path / "a.jpg", RED, exif=exif)
    np.testing.assert_array_equal(open_source(path).load(0).target, np.rot90(square()))
    path = coco(tmp_path, [GOOD], width=HEIGHT, height=WIDTH)
    write(tmp_path / "a.jpg", RED, exif=exif)
    target = open_source(path).load(0).target
    assert target.shape == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(target[:HEIGHT], np.pad(square(), ((0, 0), (0, 0)))[:, :HEIGHT])


def test_coco_person_class(tmp_path: Path) -> None:
    path = coco(tmp_path, [{**GOOD, "category_id": 2}])
    assert not open_source(path).load(0).target.any()
    for name in ("rider", "2"):
        assert_square(open_source(path, masks=MaskOptions(person_class=(name,))))
    with pytest.raises(InputError, match=r"no such category; it has \['Rider', 'person'\]"):
        open_source(path, masks=MaskOptions(person_class=("dog",)))


# LabelMe


def labelme(root: Path, shapes: list[Any], **more: Any) -> Path:
    write(root / "a.jpg", RED)
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.jpg", **more}
    (root / "a.json").write_text(json.dumps(content))
    return root


def shape(kind: str, points: Any, label: str = "person", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, **more}


POINTS = [[2, 2], [12, 2], [12, 8], [2, 8]]


def test_labelme_shapes(tmp_path: Path) -> None:
    png = base64.b64encode(encoded(np.full((6, 10), 255, np.uint8), "PNG")).decode()
    for shapes in (
        [shape("polygon", POINTS)],
        [shape("rectangle", [[2, 2], [12, 8]])],
        [shape("mask", [[2, 2], [11, 7]], mask=png)],
        [shape("polygon", POINTS), shape("polygon", [[20, 20], [30, 20], [30, 25]], "dog")],
        [shape("polygon", POINTS), shape("line", [[1, 1], [5, 5]])],
        [shape("polygon", POINTS), shape("polygon", [[1, 1], [5, 5]])],
        [shape("polygon", POINTS), 7],
    ):
        source = open_source(labelme(tmp_path, shapes, imageWidth=WIDTH, imageHeight=HEIGHT))
        assert_square(source)
        said = notes(source)
        assert "label person is person" in said
        assert ("1 annotation was skipped" in said) == (
            shapes[-1] in (7, *shapes[1:]) and (shapes[-1] == 7 or shapes[-1]["label"] == "person")
        )


def test_labelme_groups_sizes_and_missing_labels(tmp_path: Path) -> None:
    group = [shape("polygon", POINTS, group_id=3), shape("polygon", POINTS, group_id=3)]
    instances = open_source(labelme(tmp_path, group)).load(0).instances
    assert instances is not None and instances.max() == 1
    write(tmp_path / "b.jpg", RED)
    assert "b.jpg: has no labels" in notes(open_source(tmp_path))
    with pytest.raises(DataError, match="no usable image"):
        open_source(labelme(tmp_path, group, imageWidth=7, imageHeight=7)).check()
    other = open_source(labelme(tmp_path, [shape("polygon", POINTS, "man")]))
    assert "the labels are man" in notes(other)
    assert_square(open_source(tmp_path, masks=MaskOptions(person_class=("man",))))


# CVAT for images


def cvat(root: Path, shapes: str, **image: Any) -> Path:
    write(root / "images/a.jpg", RED)
    record = {"id": 0, "name": "a.jpg", "width": WIDTH, "height": HEIGHT, **image}
    attributes = " ".join(f'{key}="{value}"' for key, value in record.items())
    path = root / "annotations.xml"
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task>'
        f"</task></meta><image {attributes}>{shapes}</image></annotations>"
    )
    return root


POLYGON = '<polygon label="person" points="2,2;12,2;12,8;2,8" z_order="0"></polygon>'


def test_cvat_shapes(tmp_path: Path) -> None:
    rle = '<mask label="person" rle="0, 60" left="2" top="2" width="10" height="6"></mask>'
    for shapes in (POLYGON, rle, POLYGON + '<box label="car" xtl="1" ytl="1" xbr="9" ybr="9"/>'):
        source = open_source(cvat(tmp_path, shapes))
        assert_square(source)
        assert "label person is person" in notes(source)
    source = open_source(cvat(tmp_path, POLYGON + '<points label="person" points="1,1"/>'))
    assert_square(source)
    assert "1 annotation was skipped: a.jpg: a points" in notes(source)
    boxed = open_source(cvat(tmp_path, '<box label="person" xtl="2" ytl="2" xbr="12" ybr="8"/>'))
    np.testing.assert_array_equal(boxed.load(0).target == 255, square())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no XML"),
        ("<a/>", "is no file of CVAT"),
        ("<annotations/>", "lists no images"),
        ("<annotations><track><box/></track></annotations>", "tracks of a video"),
        ("<annotations>" + "<a>" * 40, "nested more deeply"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "document type"),
        ('<annotations><image name="../x.jpg" width="4" height="4"/></annotations>', "leads out"),
        ('<annotations><image name="x.jpg" width="4" height="4"/></annotations>', "is in none of"),
    ],
)
def test_xml_that_is_not_of_cvat_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        open_source(path)


# Hostile files

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True),
    st.text(max_size=6),
    st.sampled_from([4, "4", "a.jpg", "person", 1, [SQUARE], SQUARE, {"size": [HEIGHT, WIDTH]}]),
)
KEYS = st.sampled_from(
    ["images", "annotations", "categories", "id", "file_name", "width", "height", "name", "bbox",
     "image_id", "category_id", "segmentation", "counts", "size", "iscrowd", "shapes", "label",
     "points", "shape_type", "group_id", "imagePath", "imageWidth", "imageHeight", "mask"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=8,
)


def read_or_refuse(path: Path) -> None:
    try:
        source = open_source(path)
        for i in range(len(source)):
            source.load(i)
        assert all(notes_of(source))
    except (DataError, InputError) as error:
        assert str(error)


@fuzz_settings
@given(annotations=st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=4), image=JSON)
def test_any_annotations_are_read_or_refused(
    tmp_path: Path, annotations: list[dict[str, Any]], image: Any
) -> None:
    linked = [{"image_id": 4, "category_id": 1, **annotation} for annotation in annotations]
    more = {"width": image} if isinstance(image, int | float) else {}
    read_or_refuse(coco(tmp_path, linked, **more))


@fuzz_settings
@given(content=JSON)
def test_any_json_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    path = coco(tmp_path, [])
    path.write_text(json.dumps(content))
    read_or_refuse(path)


@fuzz_settings
@given(shapes=st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=4), more=JSON)
def test_any_shapes_are_read_or_refused(
    tmp_path: Path, shapes: list[dict[str, Any]], more: Any
) -> None:
    given = [{"label": "person", "shape_type": "polygon", **entry} for entry in shapes]
    given_more = dict(more) if isinstance(more, dict) else {}
    read_or_refuse(labelme(tmp_path, given_more.pop("shapes", given), **given_more))


@fuzz_settings
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_labels_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("x.json", "annotations.xml"):
        (tmp_path / name).write_bytes(content)
        read_or_refuse(tmp_path / name)


@pytest.mark.fuzz
def test_damaged_xml_is_read_or_refused(tmp_path: Path) -> None:
    path = cvat(
        tmp_path,
        POLYGON + '<mask label="person" rle="0, 60" left="2" top="2" '
        'width="10" height="6"/><ellipse label="person" cx="9" cy="9" rx="3" ry="2"/>',
    )
    whole = (path / "annotations.xml").read_bytes()
    for number in range(fuzz_count()):
        (path / "annotations.xml").write_bytes(mutated(whole, random_of(number)))
        read_or_refuse(path / "annotations.xml")


@fuzz_settings
@given(text=st.text(max_size=200))
def test_any_text_is_a_list_of_classes(text: str) -> None:
    for label in parse_label_map(text):
        assert label.number >= 0


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000])
def test_deep_json_is_refused_and_ends_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match="nested more deeply"):
        open_source(tmp_path / "x.json")


def test_json_is_bounded_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = coco(tmp_path, [GOOD])
    monkeypatch.setattr(bounded_json, "MOST_CONTAINERS", 3)
    with pytest.raises(DataError, match="holds more than"):
        open_source(path)
    with pytest.raises(DataError, match="is larger than"):
        bounded_json.read_json(path, largest=10)


# What lies in a folder


def test_linked_folders_are_read_and_other_entries_are_named(tmp_path: Path) -> None:
    root = tmp_path / "set"
    mask = np.where(square(), 255, 0).astype(np.uint8)
    pairs(tmp_path / "elsewhere", a=mask)
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for part in ("images", "masks"):
        (root / part / "linked").symlink_to(tmp_path / "elsewhere" / part)
    (root / "images/gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (root / "images/notes.doc").write_text("x")
    (root / "images/.hidden.jpg").write_bytes(b"")
    source = open_source(root)
    assert len(source) == 1 and source.load(0).name == "linked/a"
    for name in ("gone.jpg", "notes.doc", ".hidden.jpg"):
        assert name in notes(source)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jfif", "JPEG"),
        ("a.jpe", "JPEG"),
        ("a.gif", "GIF"),
        ("a.avif", "AVIF"),
        ("a.jp2", "JPEG2000"),
        ("a", "PNG"),
    ],
)
def test_images_of_every_ending_are_read(tmp_path: Path, name: str, kind: str) -> None:
    write(tmp_path / "masks/a.png", np.where(square(), 255, 0).astype(np.uint8))
    (tmp_path / "images").mkdir()
    Image.fromarray(RED).save(tmp_path / "images" / name, kind)
    source = open_source(tmp_path)
    assert_square(source)
    assert abs(source.load(0).image.astype(int) - RED).max() < 12
