"""report.html: one file that opens without a network, on any screen size, in light and dark mode.

A report is a list of sections; each kind of section is made by one function. Everything is
embedded: images as data URIs, styles in the page, no script.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pii_seg.data.image_io import encode_image
from pii_seg.evaluation.examples import Example
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.score_rows import table_of

# `figures` is imported by the functions that draw: matplotlib takes a second, and the audit of
# pii_seg.anonymize has no figures.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

JPEG_QUALITY = 85
TILES_IN_WORDS = {
    "auto": "tiles chosen by resolution",
    "pyramid": "its own resolution in tiles, and halves of it",
    "two-pass": "two passes: whole, then the tiles that may change something",
}


@dataclass(frozen=True)
class Section:
    """One part of a report. `html` is trusted: make it with the functions below, which escape."""

    title: str
    html: Markup

    @property
    def anchor(self) -> str:
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pii_seg.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _macro(name: str, *values: Any) -> Markup:
    """Apply the macro `name` of sections.html to `values`."""
    return Markup(getattr(_environment().get_template("sections.html").module, name)(*values))


def render(title: str, sections: Sequence[Section], *, subtitle: str = "") -> str:
    """Render the whole page."""
    page = _environment().get_template("report.html")
    return page.render(title=title, subtitle=subtitle, sections=sections)


def facts_section(title: str, facts: Mapping[str, str]) -> Section:
    """Show names and values side by side."""
    return Section(title, _macro("facts", facts))


def scores_section(columns: Mapping[str, Mapping[str, str]], title: str = "Scores") -> Section:
    """Show a table with one column for each data set or model, made by `score_column`."""
    table = [(row.label, row.meaning, values) for row, values in table_of(columns)]
    return Section(title, _macro("scores", list(columns), table))


def table_section(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, legend: str = ""
) -> Section:
    """Show a table whose first column names the rows."""
    return Section(title, _macro("table", legend, head, rows))


def training_section(history: Sequence[Mapping[str, float]]) -> Section:
    from pii_seg.evaluation import figures

    return Section(
        "Training",
        _macro("pictures", [figure_of(lambda: figures.training_figure(history), "Training")]),
    )


def data_section(
    name: str, totals: Totals, missed: Sequence[Example], false: Sequence[Example]
) -> Section:
    """Show thresholds, calibration and the worst cases of one data set."""
    from pii_seg.evaluation import figures

    drawn = [
        figure_of(
            lambda: figures.threshold_figure(totals),
            f"{name}: recall and precision of each threshold",
        ),
        figure_of(lambda: figures.reliability_figure(totals), f"{name}: calibration"),
    ]
    html = _macro("pictures", drawn)
    if missed:
        html += _macro(
            "examples",
            "Missed persons, largest first",
            "Outlined: the person. Blue: pixels that were found.",
            [(e, image_uri(e.image)) for e in missed],
        )
    if false:
        html += _macro(
            "examples",
            "Largest false areas",
            "Red: taken for a person where the labels have none. Blue: persons found. The labels "
            "may lack bystanders.",
            [(e, image_uri(e.image)) for e in false],
        )
    return Section(name, html)


def examples_section(title: str, legend: str, examples: Sequence[Example]) -> Section:
    """Show images with a caption each."""
    return Section(
        title, _macro("examples", "", legend, [(e, image_uri(e.image)) for e in examples])
    )


def image_section(title: str, legend: str, image: np.ndarray) -> Section:
    """Show one wide image, uint8 (H, W, 3)."""
    return Section(title, _macro("wide", legend, image_uri(image)))


def faults_section(faults: Sequence[str], title: str = "Left out") -> Section:
    return Section(title, _macro("faults", faults))


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure for light and for dark mode, as data URIs."""

    light: str
    dark: str
    description: str


def figure_of(draw: Callable[[], Figure], description: str) -> EmbeddedFigure:
    from pii_seg.evaluation import figures

    light, dark = (data_uri(figures.to_png(draw, dark=dark), "image/png") for dark in (False, True))
    return EmbeddedFigure(light, dark, description)


def image_uri(image: np.ndarray) -> str:
    """Encode uint8 (H, W, 3) RGB as a JPEG in a data URI."""
    return data_uri(
        encode_image(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY), "image/jpeg"
    )


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def facts_of(about: Mapping[str, Any]) -> dict[str, str]:
    """Describe checkpoint and settings for the head of an evaluation's report."""
    model, inference = about["model"], about["inference"]
    shown = [f"longest side {inference['size']} px"]
    if inference["tiles"] != 1:
        number = f"{inference['tiles']} tiles a side"
        shown.append(TILES_IN_WORDS.get(inference["tiles"], number))
    if tuple(inference["scales"]) != (1.0,):
        shown.append("scales " + ", ".join(f"{scale:g}" for scale in inference["scales"]))
    if inference["flip"]:
        shown.append("with mirrored images")
    if len(shown) > 1:
        shown.append(f"merged by {inference['merge']}")
    return {
        "Checkpoint": str(about["checkpoint"]),
        "Model": ", ".join(str(model[key]) for key in ("decoder", "encoder") if model.get(key)),
        "Inference": "; ".join(shown),
        "Threshold": f"{about['threshold']:.3f} (from {about['threshold_from']})",
        "Temperature": f"{about['temperature']:.2f}",
    }


def without_nan(value: Any) -> Any:
    """Replace nan by None and tuples by lists, as strict JSON requires."""
    if isinstance(value, Mapping):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
