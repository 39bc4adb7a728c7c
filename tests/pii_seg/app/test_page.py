"""The page in a real browser, used with the mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from tests.pii_seg.app.browser import BROWSER_MARKS, drop, status
from tests.pii_seg.app.conftest import HEIGHT, PERSON, WIDTH, grey_image, pixels_of

pytestmark = BROWSER_MARKS


def on_canvas(page: Page, column: float, row: float) -> tuple[float, float]:
    """Return the position on the page of a pixel of the image."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    return box["x"] + (column + 0.5) / WIDTH * box["width"], box["y"] + (row + 0.5) / HEIGHT * box[
        "height"
    ]


def paint(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*on_canvas(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_canvas(page, *point), steps=5)
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.mouse.up()


def downloaded(page: Page, button: str = "#download") -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def colour_at(page: Page, column: int, row: int) -> list[int]:
    """Read a pixel of the canvas, whose preview is as large as the image."""
    return list(
        page.evaluate(
            "([x, y]) => { const context = document.getElementById('canvas').getContext('2d');"
            " return [...context.getImageData(x, y, 1, 1).data]; }",
            [column, row],
        )
    )[:3]


def test_an_image_is_searched_shown_and_downloaded(page: Page) -> None:
    expect(page.get_by_text("Drop images here")).to_be_visible()
    drop(page, "street.png")
    expect(status(page, "street.png")).to_have_text("1 area found")
    expect(page.locator("#canvas")).to_be_visible()
    expect(page.get_by_text("Drop images here")).to_be_hidden()
    expect(page.locator("#canvas")).to_have_attribute("width", "90")
    page.wait_for_timeout(300)
    red, green, _ = colour_at(page, 8, 8)
    assert red > 230 and green < 160  # tinted
    name, content = downloaded(page)
    assert name == "street-anonymised.png"
    assert not pixels_of(content)[PERSON].any()
    assert (pixels_of(content)[40:] == 90).all()


def test_the_brush_adds_erases_and_undoes(page: Page) -> None:
    drop(page, "street.png")
    expect(status(page, "street.png")).to_have_text("1 area found")
    expect(page.locator("#canvas")).to_have_attribute("width", "90")
    paint(page, (50, 40), (70, 40))
    added = pixels_of(downloaded(page)[1])
    assert not added[40, 50:71].any()
    page.click("[data-brush=erase]")
    paint(page, (4, 8), (14, 8))
    erased = pixels_of(downloaded(page)[1])
    assert erased[8, 8].tolist() == [255, 255, 255]
    page.keyboard.press("Control+z")
    expect(page.locator("#redo")).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(page.locator("#undo")).to_be_disabled()
    back = pixels_of(downloaded(page)[1])
    assert not back[PERSON].any() and (back[40] == 90).all()
    page.click("#redo")
    np.testing.assert_array_equal(pixels_of(downloaded(page)[1]), added)


def test_strokes_are_kept_when_another_image_is_selected_and_on_reload(page: Page) -> None:
    drop(page, "a.png", "b.png")
    expect(status(page, "b.png")).to_have_text("1 area found")
    expect(page.locator("#canvas")).to_have_attribute("width", "90")
    paint(page, (50, 40), (70, 40))
    page.locator("#list button", has_text="b.png").click()
    expect(page.locator("#undo")).to_be_disabled()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#undo")).to_be_enabled()  # of a.png, which is shown first
    assert not pixels_of(downloaded(page)[1])[40, 50:71].any()


def test_the_slider_divides_before_and_after(page: Page) -> None:
    drop(page, "street.png")
    expect(status(page, "street.png")).to_have_text("1 area found")
    page.click("[data-view=compare]")
    slider = page.locator("#position")
    for value, white in (("100", True), ("0", False)):
        slider.fill(value)
        page.wait_for_timeout(300)
        assert (min(colour_at(page, 8, 8)) > 180) is white


def test_styles_that_do_not_anonymise_show_a_warning(page: Page) -> None:
    expect(page.locator("#warning")).to_be_hidden()
    page.select_option("#style", "blur")
    expect(page.locator("#warning")).to_contain_text("does not anonymise")
    page.select_option("#style", "inpaint")
    expect(page.locator("#warning")).to_be_hidden()


def test_failures_stay_in_the_list_and_the_others_are_zipped(page: Page) -> None:
    drop(page, "broken.png", content=grey_image()[:150])
    expect(page.locator("#list button.failed")).to_have_count(1)
    drop(page, "a.png", "b.png")
    expect(status(page, "b.png")).to_have_text("1 area found")
    name, content = downloaded(page, "#download-all")
    assert name == "anonymised.zip"
    assert content.count(b"-anonymised.png") == 4  # two files, each named twice
    page.locator("#list button", has_text="broken.png").click()
    page.click("#remove")
    expect(page.locator("#list button")).to_have_count(2)


def test_an_image_is_pasted(page: Page) -> None:
    numbers = list(grey_image())
    page.evaluate(
        """numbers => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(numbers)], "shot.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        numbers,
    )
    expect(status(page, "shot.png")).to_have_text("1 area found")


def test_names_are_text(page: Page) -> None:
    drop(page, "<img src=x onerror=alert(1)>.png")
    expect(page.locator("#list .name")).to_have_text("<img src=x onerror=alert(1)>.png")
    assert page.locator("#list img").count() == 0
