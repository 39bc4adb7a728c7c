"""Detectors of other packages: what they may return, how they are named, and what they add."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.plugins import PluginDetector, load_plugins
from pii_seg.command_line import DONE, FAILED, WRONG_INPUT
from pii_seg.errors import InputError, MediaError
from tests.pii_seg.anonymize.conftest import Bright, person_on, pillow, saved
from tests.pii_seg.anonymize.test_video import read_video, write_video

GREY = np.full((24, 36, 3), 90, np.uint8)
NOTHING = np.zeros((24, 36), bool)
PERSON = np.zeros((24, 36), bool)
PERSON[4:12, 6:11] = True  # as `person_on` draws it
PLATE = np.zeros((24, 36), bool)
PLATE[15:19, 20:28] = True
NOBODY = ("--threshold", "0.999")  # for the bundled segmenter, which these tests leave out


def detector(result: Any, name: str = "plates") -> PluginDetector:
    return PluginDetector(name, lambda image: result, origin="made 1.0")


@pytest.mark.parametrize(
    "result",
    [
        [(20, 15, 8, 4)],
        np.array([[20, 15, 8, 4]]),
        np.array([[20.2, 15.3, 7.5, 3.1]], np.float32),
        PLATE,
        {"boxes": [(20, 15, 8, 4)]},
        {"mask": PLATE, "boxes": []},
    ],
)
def test_boxes_and_masks_are_finds(result: Any) -> None:
    finds = detector(result).find(GREY, NOTHING)
    np.testing.assert_array_equal(finds.mask, PLATE)
    assert (finds.count, finds.missed) == (1, 1)
    assert detector(result).find(GREY, PLATE).missed == 0


@pytest.mark.parametrize("result", [[], (), np.zeros((0, 4)), NOTHING, {}, {"boxes": []}])
def test_there_may_be_none(result: Any) -> None:
    finds = detector(result).find(GREY, NOTHING)
    assert finds.count == 0 and not finds.mask.any()


def test_boxes_may_reach_beyond_the_image_and_over_each_other() -> None:
    finds = detector([(-5, -5, 10, 10), (2, 2, 100, 3)]).find(GREY, NOTHING)
    expected = NOTHING.copy()
    expected[:5, :5] = True
    expected[2:5, 2:] = True
    np.testing.assert_array_equal(finds.mask, expected)
    assert finds.count == 2


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, r"expected boxes, numbers \(N, 4\), or a mask, bool \(24, 36\), got object"),
        ("plates", "expected boxes"),
        ([(1, 2, 3)], r"got int64 \(1, 3\)"),
        ([(1, 2, 3, 4, 0.9)], r"got float64 \(1, 5\)"),
        (PLATE.T, r"got bool \(36, 24\)"),
        (PLATE.astype(np.uint8), r"got uint8 \(24, 36\)"),
        ([(1, 2, np.nan, 4)], "of at least a pixel"),
        ([(1, 2, -3, 4)], "of at least a pixel"),
        ([(0.1, 0.2, 0.3, 0.4)], "of at least a pixel, got 0.1, 0.2, 0.3, 0.4"),
        ([(40, 2, 3, 4)], "in an image of 36 × 24 px"),
        ({"boxes": [], "scores": [1]}, "got 'scores'"),
        ({"mask": [(1, 2, 3)]}, "expected boxes"),
    ],
)
def test_nonsense_is_an_error_that_names_the_detector(result: Any, message: str) -> None:
    with pytest.raises(MediaError, match=message) as error:
        detector(result).find(GREY, NOTHING)
    assert str(error.value).startswith("detector plates failed (ValueError: ")


def test_a_detector_that_raises_or_changes_the_image_is_named() -> None:
    def broken(image: np.ndarray) -> list[tuple[int, ...]]:
        raise OSError("no\nweights")

    def paints(image: np.ndarray) -> list[tuple[int, ...]]:
        image[:] = 0
        return []

    with pytest.raises(MediaError, match=r"detector mine failed \(OSError: no weights\)"):
        PluginDetector("mine", broken, origin="").find(GREY, NOTHING)
    before = GREY.copy()
    with pytest.raises(MediaError, match=r"detector mine failed .*read-only"):
        PluginDetector("mine", paints, origin="").find(GREY, NOTHING)
    np.testing.assert_array_equal(GREY, before)
    assert GREY.flags.writeable


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages; `install` adds one."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install(
    folder: Path, module: str, source: str, *, names: dict[str, str], dist: str = "made"
) -> None:
    (folder / f"{module}.py").write_text(source)
    sys.modules.pop(module, None)
    if names:
        info = folder / f"{dist}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.2\n")
        lines = [f"{name} = {target}" for name, target in names.items()]
        (info / "entry_points.txt").write_text("\n".join(["[pii_seg.detectors]", *lines]))


PLATES = "def find(image):\n    return [(20, 15, 8, 4)]\n"
RECTANGLE = """
class Rectangle:
    identity = "weights 7"
    def __call__(self, image):
        return [(20, 15, 8, 4)]
"""


def test_packages_and_modules_are_loaded_by_name(package: Path) -> None:
    install(package, "plates_module", PLATES, names={"plates": "plates_module:find"})
    install(package, "own_module", RECTANGLE, names={})
    plates, own = load_plugins(["plates", "own_module:Rectangle", "plates"])
    assert (plates.name, plates.identity) == ("plates", "made 1.2")
    assert own.identity.startswith("own_module:Rectangle of SHA-256 ")
    assert own.identity.endswith(", weights 7")
    for each in (plates, own):
        np.testing.assert_array_equal(each.find(GREY, NOTHING).mask, PLATE)


def test_a_changed_module_has_another_identity(package: Path) -> None:
    identities = set()
    for end in ("", "# changed\n"):
        install(package, "own_module", PLATES + end, names={})
        identities.add(load_plugins(["own_module:find"])[0].identity)
    assert len(identities) == 2


def test_faces_are_found_by_default_where_a_package_has_them(package: Path) -> None:
    assert load_plugins(None) == ()
    install(package, "f", PLATES, names={"faces": "f:find", "plates": "f:find"})
    assert [each.name for each in load_plugins(None)] == ["faces"]
    assert load_plugins(["none"]) == ()
    assert [each.name for each in load_plugins(["plates"])] == ["plates"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["absent"], r"--also absent: no package .* \(installed: broken, number\)"),
        (["absent_module:find"], r"--also absent_module:find: cannot be loaded \(ModuleNotFound"),
        (["good:absent"], "--also good:absent: cannot be loaded .AttributeError"),
        (["broken"], r"--also broken: cannot be loaded \(RuntimeError: no licence\)"),
        (["number"], "--also number: expected a function, got int"),
        (["none", "number"], "--also none asks for no detector"),
    ],
)
def test_what_cannot_be_loaded_is_named(package: Path, names: list[str], message: str) -> None:
    install(package, "good", "three = 3\n", names={})
    text = "raise RuntimeError('no licence')"
    install(package, "bad", text, names={"broken": "bad:find", "number": "good:three"})
    with pytest.raises(InputError, match=message):
        load_plugins(names)


def test_two_packages_with_one_name_are_refused(package: Path) -> None:
    install(package, "a", PLATES, names={"plates": "a:find"}, dist="one")
    install(package, "b", PLATES, names={"plates": "b:find"}, dist="two")
    with pytest.raises(InputError, match="the packages one, two have a detector of this name"):
        load_plugins(["plates"])


def test_finds_are_united_with_the_mask_and_never_subtracted() -> None:
    image = person_on(GREY)
    alone = Anonymizer(Bright(), dilate=0.0).find(image)
    both = Anonymizer(Bright(), dilate=0.0, also=[detector(PLATE)]).find(image)
    assert not (alone.mask & ~both.mask).any()
    assert (both.mask & PLATE).sum() == PLATE.sum()
    assert both.mask.sum() > alone.mask.sum() + PLATE.sum()  # with a margin
    assert both.persons == alone.persons
    assert (both.also["plates"].count, both.also["plates"].missed) == (1, 1)
    inside = Anonymizer(Bright(), dilate=0.0, also=[detector(PERSON)]).find(image)
    np.testing.assert_array_equal(inside.mask, alone.mask)
    assert inside.also["plates"].missed == 0
    without = Anonymizer(None, also=[detector(PLATE)]).find(image)
    assert without.mask[PLATE].all() and not without.mask[PERSON].any()


def test_the_detectors_decide_whether_an_output_is_up_to_date() -> None:
    settings = Anonymizer(Bright(), also=[detector(PLATE)]).settings
    assert settings["also"] == {"plates": "made 1.0"}
    assert "also" not in Anonymizer(Bright()).settings


def test_a_run_redacts_counts_and_lists_the_finds(tmp_path: Path, package: Path) -> None:
    source = "def find(image):\n    return [(20, 15, 8, 4)] if image.max() < 200 else 1 / 0\n"
    install(package, "plates_module", source, names={"plates": "plates_module:find"})
    (tmp_path / "in").mkdir()
    good, bad = GREY.copy(), person_on(GREY)
    good[PLATE] = 180
    for name, image in (("bad.png", bad), ("good.png", good)):
        (tmp_path / "in" / name).write_bytes(saved(pillow(image), "PNG"))
    command = [str(tmp_path / "in"), "--output", str(tmp_path / "out"), *NOBODY, "--also"]
    assert main([*command, "plates"]) == FAILED
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert [entry["file"] for entry in audit["failed"]] == ["bad.png"]
    assert "detector plates failed (ZeroDivisionError" in audit["failed"][0]["why"]
    assert not (tmp_path / "out" / "bad.png").exists()
    written = (tmp_path / "out" / "good.png").read_bytes()
    assert Anonymizer(None).redact(tmp_path / "out" / "good.png").max() == 90 and written
    assert audit["totals"]["also"] == {"plates": {"found": 1, "missed": 1}}
    assert audit["settings"]["also"] == {"plates": "made 1.2"}
    assert "Detector plates" in (tmp_path / "out" / "audit.html").read_text()
    assert main([*command, "none"]) == WRONG_INPUT
    assert main([*command, "absent"]) == WRONG_INPUT
    (tmp_path / "in" / "bad.png").unlink()
    assert main([*command, "plates"]) == DONE


def test_videos_are_searched_too(tmp_path: Path, package: Path) -> None:
    install(package, "plates_module", PLATES, names={"plates": "plates_module:find"})
    source = write_video(tmp_path / "in.mp4", 4)
    command = [str(source), "--output", str(tmp_path / "out"), *NOBODY, "--also", "plates"]
    command.append("--write-json")
    assert main(command) == DONE
    before, after = (read_video(path)[0] for path in (source, tmp_path / "out" / "in.mp4"))
    inside = (slice(16, 18), slice(22, 26))
    for given, redacted in zip(before, after, strict=True):
        assert np.ptp(redacted[inside].astype(int), axis=(0, 1)).max() <= 12  # one colour
        assert given.shape == redacted.shape
    lines = (tmp_path / "out" / "instances" / "in.mp4.json").read_text()
    assert '"sources": ["plates"' in lines.replace("\n", "")
