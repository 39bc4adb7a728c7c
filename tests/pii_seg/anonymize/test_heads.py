"""Heads that the segmenter lost are redacted where the body has them, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.detection import Area, Detection
from pii_seg.anonymize.file_redaction import FileRedactor, Options
from pii_seg.anonymize.heads import Head, complete_heads
from pii_seg.anonymize.regions import Region
from pii_seg.anonymize.review import reasons
from pii_seg.inference.dilation import dilate
from tests.pii_seg.anonymize.conftest import Bright, pillow, saved

HEIGHT, WIDTH = 200, 240
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
FAINT = 0.2
"""Probability of a lost head: below the threshold .5, but evidence."""


def body(x: float = 100.0, top: float = 60.0, size: float = 120.0) -> np.ndarray:
    """Draw an upright person of `size` px without a head: trunk, arms, legs; bool (H, W)."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    unit = size / 6.5  # heads

    def part(left: float, right: float, upper: float, lower: float) -> None:
        corners = [(x + left * unit, top + upper * unit), (x + right * unit, top + lower * unit)]
        points = [tuple(round(value) for value in corner) for corner in corners]
        cv2.rectangle(drawn, points[0], points[1], 1, cv2.FILLED)

    part(-0.25, 0.25, 0.0, 0.4)  # neck
    part(-0.55, 0.55, 0.3, 3.0)  # trunk
    part(-0.8, -0.5, 0.4, 3.0)
    part(0.5, 0.8, 0.4, 3.0)
    part(-0.55, -0.1, 3.0, 6.5)
    part(0.1, 0.55, 3.0, 6.5)
    return drawn.astype(bool)


def head(x: float = 100.0, top: float = 60.0, size: float = 120.0) -> np.ndarray:
    """Draw the head of that person."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    unit = size / 6.5
    centre = (round(x), round(top - 0.4 * unit))
    axes = (round(0.4 * unit), round(0.5 * unit))
    return cv2.ellipse(drawn, centre, axes, 0, 0, 360, 1, cv2.FILLED).astype(bool)


def completed(
    found: np.ndarray, faint: np.ndarray, *, margin: float | None = None, value: float = FAINT
) -> tuple[np.ndarray, tuple[Head, ...]]:
    probability = np.where(found, np.float32(0.9), np.where(faint, value, 0)).astype(np.float32)
    redacted = found if margin is None else dilate(found, margin)
    return complete_heads(found, redacted, probability, 0.5)


def share(part: np.ndarray, of: np.ndarray) -> float:
    return float((part & of).sum() / of.sum())


@pytest.mark.parametrize("size", [50, 80, 120])
@pytest.mark.parametrize("x", [100, 30])
def test_a_lost_head_is_placed(size: int, x: int) -> None:
    added, heads = completed(body(x, 60, size), head(x, 60, size))
    assert len(heads) == 1 and heads[0].is_placed
    assert share(added, head(x, 60, size)) >= 0.9
    new = added & ~body(x, 60, size)
    assert new.sum() < 3 * head(x, 60, size).sum()
    assert heads[0].added == new.sum()


def test_evidence_of_a_part_of_a_head_is_enough() -> None:
    face = head()
    face[: np.flatnonzero(face.any(axis=1))[0] + 8] = False  # the hair has no probability at all
    added, heads = completed(body(), face)
    assert len(heads) == 1
    assert share(added, head()) >= 0.85


def test_where_nothing_is_seen_nothing_is_added() -> None:
    added, heads = completed(body(), head(), value=0.002)
    assert not heads and not added.any()


def test_a_found_head_gets_no_second_one() -> None:
    found = body() | head()
    added, heads = completed(found, dilate(found, 0.05))
    assert share(added, ~dilate(found, 0.08)) == 0
    assert not any(each.is_placed for each in heads)
    _, heads = completed(found, dilate(found, 0.2), margin=0.05)
    assert not heads


def test_a_half_of_a_head_is_completed_by_what_is_seen() -> None:
    face = head()
    rows = np.flatnonzero(face.any(axis=1))
    hair = face.copy()
    hair[rows[len(rows) // 3] :] = False
    added, heads = completed(body() | (face & ~hair), hair)
    assert len(heads) == 1 and not heads[0].is_placed
    assert share(added, hair) >= 0.9
    assert not (added & ~face & ~body()).any()


def test_the_head_of_a_body_at_the_top_of_the_image_is_outside() -> None:
    added, heads = completed(body(top=-10), np.ones((HEIGHT, WIDTH), bool))
    assert not heads and not added.any()


def test_a_body_that_the_lower_edge_cuts_gets_its_head() -> None:
    found = body(top=120, size=200)
    assert found[-1].any()
    added, heads = completed(found, head(top=120, size=200))
    assert len(heads) == 1
    assert share(added, head(top=120, size=200)) >= 0.9


def test_the_lower_half_of_a_body_gets_no_head() -> None:
    whole = body() | head()
    whole[100:106] = False  # a belt that was not found
    faint = np.zeros_like(whole)
    faint[100:106] = True
    added, heads = completed(whole, faint)
    assert not heads and not added.any()


@pytest.mark.parametrize("turns", [1, 3])
def test_a_person_who_lies_has_the_head_where_it_is_seen(turns: int) -> None:
    """On the left or the right; and nowhere if nothing is seen there."""
    found, faint = np.rot90(body(), turns), np.rot90(head(), turns)
    added, heads = completed(found, faint)
    assert len(heads) == 1
    assert share(added, faint) >= 0.9
    added, heads = completed(found, np.zeros_like(faint))
    assert not heads and not added.any()


def test_two_persons_apart_get_a_head_each() -> None:
    found = body(60) | body(160, 80)
    added, heads = completed(found, head(60) | head(160, 80))
    assert len(heads) == 2
    assert share(added, head(60)) >= 0.9 and share(added, head(160, 80)) >= 0.9


def test_small_parts_and_empty_masks_get_none() -> None:
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    small = np.zeros((HEIGHT, WIDTH), bool)
    small[50:70, 50:60] = True
    for found in (small, np.zeros_like(small), everywhere):
        added, heads = completed(found, everywhere)
        assert not heads and not added.any()


def test_random_masks_are_survived() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        shape = tuple(rng.integers(1, 90, 2))
        noise = cv2.blur(rng.random(shape), (9, 9)).reshape(shape)
        probability = ((noise - noise.min()) / max(np.ptp(noise), 1e-6)).astype(np.float32)
        found = probability >= 0.5
        added, heads = complete_heads(found, dilate(found, 0.05), probability, 0.5)
        assert added.shape == found.shape
        assert all(each.added > 0 and 0 <= each.evidence <= 1 for each in heads)


def detection(*, completes_heads: bool = True, **area: object) -> Detection:
    probability = np.where(body(), 0.9, np.where(head(), FAINT, 0)).astype(np.float32)
    given = Area(0.02, completes_heads=completes_heads, **area)  # type: ignore[arg-type]
    return given.detection(IMAGE, probability, 0.5, None)


def test_a_detection_covers_the_head_and_asks_for_a_check() -> None:
    with_head, without = detection(), detection(completes_heads=False)
    assert share(with_head.mask, head()) >= 0.9 > 0.6 > share(without.mask, head())
    assert with_head.heads_to_check == 1 and without.heads_to_check == 0
    assert with_head.persons == without.persons
    assert not (without.mask & ~with_head.mask).any()
    assert with_head.found is not None and share(with_head.found, head()) >= 0.9


def test_what_is_excluded_stays_visible_without_its_head() -> None:
    upper = Region(((0, 0), (1, 0), (1, 0.3), (0, 0.3)))
    assert not detection(exclude=(upper,)).mask[: int(0.3 * HEIGHT)].any()


def test_the_mask_of_the_user_gets_no_heads() -> None:
    found = Area(0.02).detection(IMAGE, np.full((HEIGHT, WIDTH), 0.3), 0.5, body())
    assert not found.heads


class Faint(Bright):
    """Takes white for a person, and light grey for a person below the threshold."""

    def probability(self, image: np.ndarray) -> np.ndarray:
        darkest = image.min(axis=2)
        return np.select([darkest > 240, darkest > 200], [0.9, FAINT], 0).astype(np.float32)


@pytest.mark.parametrize("completes", [True, False])
def test_the_audit_counts_and_lists_completed_heads(tmp_path: Path, *, completes: bool) -> None:
    image = np.where(body()[..., None], 255, np.where(head()[..., None], 220, 90))
    content = saved(pillow(np.repeat(image, 3, axis=2).astype(np.uint8)), "PNG")
    anonymizer = Anonymizer(Faint(), dilate=0.02, complete_heads=completes, seed=0)
    assert anonymizer.settings["complete_heads"] is completes
    redactor = FileRedactor(anonymizer, Options())
    record = redactor.image(content, tmp_path / "out.png", lambda suffix: f"a{suffix}", None)
    assert record["heads"] == completes
    listed = any("without their heads" in reason for reason in reasons(record))
    assert listed is completes
    written = cv2.imread(str(tmp_path / "out.png"))
    visible = (written[head()].min(axis=1) > 200).mean()
    assert visible < 0.1 if completes else visible > 0.3
