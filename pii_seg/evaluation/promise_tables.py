"""Tables for the terminal: the cost of each recall that a calibration can promise."""

from __future__ import annotations

from rich.table import Table

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.conformal import Promise
from pii_seg.evaluation.counting import MOST_UNCOVERED
from pii_seg.evaluation.person_promise import PersonPromise
from pii_seg.evaluation.risk_bounds import Confidence, pictures_needed

RECALLS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # of pixels
PERSON_RECALLS = (0.8, 0.9, 0.95, 0.98, 0.99)


def promise_table(promise: Promise, temperature: float) -> Table:
    """Make the table that shows the cost of each recall on the calibration images."""
    title = f"{promise.pictures:,} images with persons, {_how(promise.confidence)}"
    table = _table(title, ("recall promised", "threshold", "missed here", "false area here"))
    for recall in RECALLS:
        try:
            at, threshold = promise.index(recall), promise.threshold(recall, temperature)
        except CalibrationError:
            fewest = pictures_needed(recall, promise.confidence)
            table.add_row(f"{recall:.1%}", f"needs at least {fewest:,} images", "–", "–")
        else:
            measured = (f"{promise.missed[at]:.2%}", f"{promise.false_area[at]:.2%}")
            table.add_row(f"{recall:.1%}", f"{threshold:.3g}", *measured)
    return table


def person_table(
    persons: PersonPromise, pixels: Promise, *, temperature: float, threshold: float
) -> Table:
    """Make the table that shows the cost of each person recall on the calibration images.

    Args:
        persons: The promise about persons.
        pixels: The promise of the same calibration, for the false area.
        temperature: That of the calibrated checkpoint.
        threshold: The checkpoint's own, at which the margin is shown.
    """
    title = (
        f"{persons.images:,} images of {len(persons.table.highest):,} persons, at most "
        f"{MOST_UNCOVERED:.0%} of each uncovered, {_how(persons.confidence)}"
    )
    margin = f"or at {threshold:.3g}: margin"
    heads = ("person recall promised", "threshold", "uncovered here", "false area here", margin)
    table = _table(title, heads)
    for recall in PERSON_RECALLS:
        try:
            at = persons.index(recall, MOST_UNCOVERED)
            chosen = persons.threshold(recall, MOST_UNCOVERED, temperature=temperature)
        except CalibrationError:
            cells = ("out of reach", "–", "–")
        else:
            missed = persons.uncovered_at(at, MOST_UNCOVERED)
            cells = (f"{chosen:.3g}", f"{missed:.2%}", f"{pixels.false_area[at]:.2%}")
        try:
            grown = persons.margin(
                recall, MOST_UNCOVERED, threshold=threshold, temperature=temperature
            )
        except CalibrationError:
            table.add_row(f"{recall:.1%}", *cells, "out of reach")
        else:
            table.add_row(f"{recall:.1%}", *cells, f"{grown:.0%}")
    return table


def _table(title: str, heads: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right")
    return table


def _how(confidence: Confidence) -> str:
    return "in expectation" if confidence == "expectation" else f"confidence {confidence:g}"
