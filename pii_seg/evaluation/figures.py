"""Figures as images: curves with matplotlib, contact sheets with OpenCV.

Only matplotlib's object interface is used: no window, no global state, nothing to close.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from blender_addon.dataset import write_atomically
from pii_seg.evaluation.counting import SIZES
from pii_seg.evaluation.examples import THUMBNAIL, Example
from pii_seg.evaluation.metrics import Totals, reliability

# Okabe and Ito's colours, which colour-blind people can tell apart; lightened for dark paper.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3f8fbf")
DARK_COLOURS = ("#56b4e9", "#ff9147", "#3fd0a4", "#e8a0c8", "#f0d442", "#9ad0f0")
SHEET_COLUMNS = 4
SHEET_CAPTION = 26  # px below each thumbnail
SHEET_GAP = 8


@contextmanager
def paper(dark: bool) -> Iterator[None]:
    """Set the style of all figures, on light or dark paper."""
    ink, faint, ground = (
        ("#d8dee6", "#3a434e", "#171c22") if dark else ("#2b3138", "#dde2e8", "#ffffff")
    )
    with mpl.rc_context(
        {
            "figure.facecolor": ground,
            "axes.facecolor": ground,
            "axes.edgecolor": faint,
            "axes.labelcolor": ink,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=DARK_COLOURS if dark else COLOURS),
            "grid.color": faint,
            "grid.linewidth": 0.6,
            "text.color": ink,
            "xtick.color": ink,
            "ytick.color": ink,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "font.size": 10,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "savefig.dpi": 144,
        }
    ):
        yield


def to_png(draw: Callable[[], Figure], *, dark: bool = False) -> bytes:
    """Render the figure that `draw` makes as PNG."""
    with paper(dark):
        buffer = io.BytesIO()
        draw().savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()


def save_figure(path: Path, draw: Callable[[], Figure]) -> None:
    write_atomically(path, to_png(draw))


def threshold_figure(totals: Totals, title: str = "") -> Figure:
    """Plot recall, precision, missed persons and false area over the threshold."""
    curves = totals.curves()
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    for name in ("recall", "precision", "iou_per_picture"):
        _line(left, curves.threshold, getattr(curves, name), name.replace("iou_per_picture", "IoU"))
    left.set_title("Pixels")
    for size, missed, style in zip(SIZES, curves.missed_by_size, (":", "--", "-"), strict=True):
        _line(right, curves.threshold, missed, f"missed, {size}", linestyle=style, color="C1")
    _line(right, curves.threshold, curves.false_area, "false area, no person", color="C3")
    if not right.lines:
        right.text(
            0.5, 0.5, "no person instances,\nno person-free images", ha="center", va="center"
        )
    right.set_title("Persons")
    for axes in (left, right):
        axes.axvline(totals.threshold, color="0.55", linewidth=1, linestyle=(0, (2, 2)))
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="threshold on the probability")
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
        if axes.lines[1:]:
            axes.legend()
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def reliability_figure(totals: Totals) -> Figure:
    """Plot predicted against true probability, and the number of pixels in each bin."""
    confidence, share, pixels = reliability(totals.person, totals.background)
    there = pixels > 0
    figure = Figure(figsize=(3.2, 3.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0, 1], [0, 1], color="0.55", linewidth=1, linestyle=(0, (2, 2)))
    top.plot(confidence[there], share[there], marker="o", markersize=5)
    top.set(xlim=(0, 1), ylim=(0, 1.005), ylabel="share of persons")
    top.set_title("Calibration")
    bottom.bar(
        (np.arange(len(pixels)) + 0.5) / len(pixels),
        pixels / max(pixels.sum(), 1),
        width=0.8 / len(pixels),
    )
    bottom.set(yscale="log" if there.any() else "linear", xlabel="probability", ylabel="pixels")
    bottom.yaxis.set_major_formatter(PercentFormatter(1, None))
    return figure


def training_figure(history: Sequence[Mapping[str, float]]) -> Figure:
    """Plot the rows of `read_history`: losses on the left, measurements on the right."""
    everything = lines_of(history)
    losses = {name: line for name, line in everything.items() if "loss" in name}
    measures = {
        name: line
        for name, line in everything.items()
        if name.startswith("val_") and name not in losses
    }
    panels = [
        (title, lines) for title, lines in (("Loss", losses), ("Measured", measures)) if lines
    ]
    figure = Figure(figsize=(7.2 if len(panels) > 1 else 4.0, 3.0), layout="constrained")
    for axes, (title, lines) in zip(
        np.atleast_1d(figure.subplots(1, max(1, len(panels)))), panels, strict=False
    ):
        for name, (steps, values) in lines.items():
            axes.plot(
                steps, values, label=name.replace("_", " "), marker="." if len(steps) < 30 else None
            )
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.legend()
    return figure


def lines_of(history: Sequence[Mapping[str, float]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Collect (steps, values) of each column of `read_history`'s rows, without gaps."""
    columns = dict.fromkeys(name for row in history for name in row if name != "step")
    return {
        name: (
            np.array([row["step"] for row in history if name in row]),
            np.array([row[name] for row in history if name in row]),
        )
        for name in columns
    }


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, label: str, **style: Any) -> None:
    if not np.isnan(y).all():
        axes.plot(x, y, label=label, **style)


def contact_sheet(examples: Sequence[Example], columns: int = SHEET_COLUMNS) -> np.ndarray:
    """Draw the examples side by side with their captions; returns uint8 (H, W, 3) RGB."""
    if not examples:
        raise ValueError("a contact sheet needs at least one example")
    columns = min(columns, len(examples))
    rows = math.ceil(len(examples) / columns)
    across, down = THUMBNAIL + SHEET_GAP, THUMBNAIL + SHEET_CAPTION + SHEET_GAP
    sheet = np.full((rows * down + SHEET_GAP, columns * across + SHEET_GAP, 3), 24, np.uint8)
    for place, example in enumerate(examples):
        y, x = SHEET_GAP + place // columns * down, SHEET_GAP + place % columns * across
        h, w = example.image.shape[:2]
        top, left = y + (THUMBNAIL - h) // 2, x + (THUMBNAIL - w) // 2
        sheet[top : top + h, left : left + w] = example.image
        caption = f"{_ascii(example.name)[-24:]}  {example.caption}"
        baseline = (x + 2, y + THUMBNAIL + SHEET_CAPTION - 8)
        cv2.putText(
            sheet,
            caption,
            baseline,
            cv2.FONT_HERSHEY_SIMPLEX,
            0.45,
            (225, 225, 225),
            1,
            cv2.LINE_AA,
        )
    return sheet


def _ascii(text: str) -> str:
    """Replace what OpenCV's font lacks: it is ASCII only."""
    return text.encode("ascii", "replace").decode()
