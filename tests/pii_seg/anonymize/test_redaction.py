"""Redaction leaves nothing of the person and changes no other pixel."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from benchmarks import linkage
from pii_seg.anonymize.__main__ import parser
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.redaction import STYLES, Context, Style, StyleOptions, redact, warning_of
from pii_seg.app.server import make_app
from pii_seg.app.session import Session
from tests.pii_seg.anonymize.conftest import noise

ROOT = Path(__file__).resolve().parents[3]
INDEPENDENT = ("solid", "inpaint", "synthesise")


def paint(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A painter that changes every pixel, and whose output shows its input."""
    return 255 - image // 2


def blob(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1, height / 2)
    return np.hypot(rows - y, columns - x) <= radius


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(INDEPENDENT),
    st.integers(4, 40),
    st.integers(4, 40),
    st.booleans(),
    st.integers(0, 1000),
)
def test_the_output_does_not_depend_on_the_masked_pixels(
    style: str, height: int, width: int, deep: bool, seed: int
) -> None:
    deep = deep and style != "synthesise"
    mask = blob(height, width, seed)
    one = noise(height, width, seed=1, deep=deep)
    other = np.where(mask[..., None], noise(height, width, seed=2, deep=deep), one)
    outputs = [
        redact(p, mask, style, paint=paint, rng=np.random.default_rng(3))[0] for p in (one, other)
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_outside_and_the_inputs_do_not_change(style: str, deep: bool, channels: int) -> None:
    if style == "synthesise" and (deep or channels == 1):
        with pytest.raises(ValueError, match="use another style"):
            redact(noise(deep=deep, channels=channels), blob(24, 36), style, paint=paint)
        return
    pixels, mask = noise(deep=deep, channels=channels), blob(24, 36)
    before = pixels.copy()
    out, alpha = redact(pixels, mask, style, paint=paint)
    assert alpha is None
    assert out.dtype == pixels.dtype
    np.testing.assert_array_equal(out[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, before)
    assert (out[mask] != pixels[mask]).any()


@pytest.mark.parametrize("style", [s for s in STYLES if s != "synthesise"])
def test_every_masked_pixel_changes(style: str) -> None:
    pixels, mask = noise(96, 96, deep=True), np.zeros((96, 96), bool)
    mask[10:90, 30:96] = True
    out, _ = redact(pixels, mask, style)
    same = (out == pixels).all(axis=2) & mask
    assert not same.any()
    if style in INDEPENDENT:
        correlation = np.corrcoef(
            out[mask].mean(axis=1) + 1e-9 * np.arange(mask.sum()), pixels[mask].mean(axis=1)
        )[0, 1]
        assert abs(correlation) < 0.05


def test_solid_is_one_colour_at_any_depth() -> None:
    mask = blob(24, 36)
    options = StyleOptions(colour=(1.0, 0.5, 0.0))
    assert np.unique(redact(noise(), mask, options=options)[0][mask], axis=0).tolist() == [
        [255, 128, 0]
    ]
    assert np.unique(redact(noise(deep=True), mask, options=options)[0][mask], axis=0).tolist() == [
        [65535, 32768, 0]
    ]
    assert len(np.unique(redact(noise(channels=1), mask, options=options)[0][mask])) == 1


@pytest.mark.parametrize("style", ["solid", "inpaint", "mosaic", "blur"])
def test_a_transparent_person_does_not_become_a_hole(style: str) -> None:
    mask = blob(24, 36)
    out, alpha = redact(noise(), mask, style, alpha=np.zeros((24, 36), np.uint8))
    assert alpha is not None
    assert (alpha[mask] == 255).all()
    assert (alpha[~mask] == 0).all()
    assert (out[mask] != noise()[mask]).any()


def test_inpaint_continues_the_surroundings() -> None:
    ramp = np.broadcast_to(np.linspace(40, 200, 96)[None, :, None], (96, 96, 3)).astype(np.uint8)
    mask = np.zeros((96, 96), bool)
    mask[30:66, 40:56] = True
    person = ramp.copy()
    person[mask] = (255, 0, 0)
    out, _ = redact(person, mask, "inpaint", rng=np.random.default_rng(0))
    assert np.abs(out[mask].astype(int) - ramp[mask]).max() < 25


def test_inpaint_adds_the_noise_of_the_image() -> None:
    rng = np.random.default_rng(0)
    grainy = np.clip(rng.normal(128, 12, (96, 96, 1)), 0, 255).astype(np.uint8).repeat(3, axis=2)
    mask = np.zeros((96, 96), bool)
    mask[30:66, 40:56] = True
    out, _ = redact(grainy, mask, "inpaint", rng=rng)
    assert out[mask].std() == pytest.approx(12, abs=4)


@pytest.mark.parametrize("style", ["solid", "inpaint", "mosaic", "blur"])
def test_a_fully_masked_image_is_replaced(style: str) -> None:
    out, _ = redact(noise(), np.ones((24, 36), bool), style)
    assert (out != noise()).any(axis=2).mean() > 0.95


@pytest.mark.parametrize("style", ["solid", "inpaint", "mosaic", "blur"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_the_smallest_images_work(style: str, shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[-1, -1] = True
    assert redact(noise(*shape), mask, style)[0].shape == (*shape, 3)


def test_an_empty_mask_changes_nothing() -> None:
    for style in STYLES:
        np.testing.assert_array_equal(
            redact(noise(), np.zeros((24, 36), bool), style, paint=paint)[0], noise()
        )


def test_mosaic_cells_are_means_for_each_person() -> None:
    mask = np.zeros((64, 64), bool)
    mask[:32, :32] = mask[40:, 40:] = True
    out, _ = redact(noise(64, 64), mask, "mosaic", options=StyleOptions(cell=0.5))
    assert len(np.unique(out[:32, :32].reshape(-1, 3), axis=0)) == 4
    expected = noise(64, 64)[:16, :16].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(out[0, 0], expected, atol=0.51)


def test_styles_that_do_not_anonymise_have_a_warning() -> None:
    assert {style for style in STYLES if warning_of(style)} == set(STYLES) - set(INDEPENDENT)


def test_a_style_is_one_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def invert(pixels: np.ndarray, mask: np.ndarray, context: Context) -> np.ndarray:
        return np.where(mask[..., None], np.iinfo(pixels.dtype).max - pixels, pixels)

    monkeypatch.setitem(STYLES, "invert", Style(invert, "inverts the colours of the person", 0.5))
    mask = blob(24, 36)
    redacted = redact(noise(), mask, "invert")[0]
    np.testing.assert_array_equal(redacted[mask], 255 - noise()[mask])
    np.testing.assert_array_equal(
        Anonymizer(None, style="invert").replace(noise(), mask)[0], redacted
    )
    assert "invert does not anonymise" in str(warning_of("invert"))
    assert "inverts the colours of the person" in " ".join(parser().format_help().split())
    assert parser().parse_args(["a", "--output", "b", "--style", "invert"]).style == "invert"
    with TestClient(
        make_app(Session(Anonymizer(None)), "t"), base_url="http://127.0.0.1/t/"
    ) as page:
        assert "invert" in [style["name"] for style in page.get("state").json()["styles"]]
    assert "invert" in [name for name, _ in linkage.rows()]


def test_the_guide_names_every_style() -> None:
    guide = (ROOT / "docs" / "anonymise.md").read_text(encoding="utf-8")
    table = [line.split("|")[1] for line in guide.splitlines() if line.startswith("|")]
    assert set(STYLES) <= {name for cell in table for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("pixels", "mask", "style", "why"),
    [
        (noise().astype(np.float32), blob(24, 36), "solid", "uint8 or uint16"),
        (noise(channels=4), blob(24, 36), "solid", "1 or 3"),
        (noise(), blob(24, 35), "solid", "expected a mask"),
        (noise(), blob(24, 36).astype(np.uint8), "solid", "expected a mask"),
        (noise(), blob(24, 36), "sepia", "sepia"),
        (noise(), blob(24, 36), "synthesise", "painter"),
    ],
)
def test_invalid_arguments_are_rejected(
    pixels: np.ndarray, mask: np.ndarray, style: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        redact(pixels, mask, style)


def test_the_result_of_the_painter_is_checked() -> None:
    with pytest.raises(ValueError, match="from the painter, got"):
        redact(noise(), blob(24, 36), "synthesise", paint=lambda p, m, g: p[:5])
