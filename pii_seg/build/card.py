"""The card of a built segmenter: what it is made of, what it finds and misses, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blender_addon.dataset import write_atomically
from pii_seg.build.manifest import CARD
from pii_seg.build.recipe import BuildRecipe
from pii_seg.evaluation.person_groups import LEAST
from pii_seg.models.checkpoint import Checkpoint
from pii_seg.models.model_card import HEADER, markdown_cell
from pii_seg.selftrain.stages import Stage

BODY = """\
# {name} {version}

{description}

```python
from pii_seg import PersonSegmenter

mask = PersonSegmenter.load("FOLDER").predict("street.jpg").mask  # this folder; bool (H, W)
```

{licence}

## What it has learnt from

{origin}

{datasets}

{photos}

{held_out_photos}

{distractors}

Works of others in the renders, with their licences: {licences}. Authors are in `manifest.json`,
with the hash of every input and file.

The encoder, {encoder}, starts from: {weights}. Where these are weights of ImageNet, they have seen
photographs, and people among them.

It took {hours}.

## Choice

The candidates on renders that nothing was learnt from ({held_out}):

{choice}

The score is the mean of person IoU and, where renders know them, of the share of heads' pixels that
is found. The best one was chosen, or an average of checkpoints that is worse by chance at most.
{threshold}

## Calibration

Temperature {temperature:.3g}, by the same renders. Thresholds that would promise a recall of pixels
on images like these:

{thresholds}

On images of another kind nothing is promised, so the segmenter carries no promise: calibrate it on
images like yours (`pii-seg calibrate`) for `--recall`. The next table says what the thresholds come
to elsewhere.

## By group

On the same held-out renders, at its own threshold: the mean share of a person's pixels that is
found, with its standard error, and the share of persons that are at least half found. The table
says which renders are hard. It says nothing about photos.

{spread}

{groups}

## Measured

{measured}

## Limits

No segmenter finds everyone. Review anonymised images before you publish them, and measure the
recall on labelled images of your own camera with `pii-seg evaluate`.
"""

COLUMNS = {
    "pictures": "images",
    "persons": "persons",
    "iou_per_picture": "IoU of an image",
    "recall": "recall",
    "missed": "persons missed",
    "head_recall": "recall of heads",
    "heads_covered": "heads covered to 90 %",
    "false_area": "false area",
}
"""Figure of `engine.figures_of` → head of its column."""


def write_card(
    folder: Path,
    recipe: BuildRecipe,
    stages: Mapping[str, Stage],
    manifest: Mapping[str, Any],
    checkpoint: Checkpoint,
) -> None:
    """Write README.md into the folder of a segmenter."""
    calibration = stages["calibration"].result
    text = header(recipe.licence) + BODY.format(
        name=recipe.name,
        version=recipe.version,
        licence=licence_line(recipe.licence),
        description=recipe.description or "Finds the pixels of people in images.",
        origin=origin(recipe),
        datasets=dataset_table(manifest["renders"]),
        photos=photo_lines("photos without people, to learn from", manifest["photos"]),
        held_out_photos=photo_lines(
            "photos without people, to choose the threshold", manifest["held_out_photos"]
        ),
        distractors=photo_lines(
            "things and animals that are no people, to paste", manifest["distractors"]
        ),
        licences=licence_counts([*manifest["renders"], *manifest["held_out"]]),
        encoder=manifest["encoder"]["name"],
        weights=markdown_cell(manifest["encoder"]["weights"]),
        hours=hours_line(recipe, manifest["hours"]),
        held_out=", ".join(entry["name"] for entry in manifest["held_out"]),
        choice=choice_table(stages["choice"].result),
        threshold=threshold_line(recipe, stages["choice"].result),
        temperature=checkpoint.temperature,
        thresholds=threshold_table(calibration["thresholds"]),
        spread=spread_line(stages["groups"].result["groups"]),
        groups=group_table(stages["groups"].result["groups"]),
        measured=measured_tables(stages["measure"].result),
    )
    write_atomically(folder / CARD, text.encode())


def header(licence: str) -> str:
    """Return the header of a model card, with the licence in it."""
    return HEADER.replace("tags:", f"license: {licence.lower()}\ntags:", 1) if licence else HEADER


def licence_line(licence: str) -> str:
    if not licence:
        return "The licence of the weights is not stated."
    return f"The weights are under {licence}."


def hours_line(recipe: BuildRecipe, hours: Mapping[str, float]) -> str:
    """Say what the build took."""
    taken = ", ".join(f"{number} hours of {kind}" for kind, number in hours.items())
    elsewhere = any(entry.folder for entry in (*recipe.renders, *recipe.held_out))
    return taken + (", without what was rendered elsewhere" if elsewhere else "")


def origin(recipe: BuildRecipe) -> str:
    photos = " and from photos without people" if recipe.photos else ""
    return f"From renders of people who never existed{photos}; from no label of a photograph."


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Format a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(markdown_cell(v) for v in line) + " |" for line in lines)


def dataset_table(datasets: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (entry["name"], entry["recipe"], entry["count"], entry["seed"], entry["index_sha256"][:16])
        for entry in datasets
    ]
    return table(("renders", "recipe", "images", "seed", "SHA-256 of the index"), rows)


def photo_lines(title: str, photos: Sequence[Mapping[str, Any]]) -> str:
    if not photos:
        return f"No {title}."
    rows = [(entry["origin"], entry["licence"], entry["sha256"][:16]) for entry in photos]
    return table((title, "licence", "SHA-256"), rows)


def licence_counts(datasets: Sequence[Mapping[str, Any]]) -> str:
    works = {work: licence for entry in datasets for work, licence in entry["licences"].items()}
    counts: dict[str, int] = {}
    for licence in works.values():
        counts[licence] = counts.get(licence, 0) + 1
    return ", ".join(f"{count} under {licence}" for licence, count in sorted(counts.items()))


def choice_table(choice: Mapping[str, Any]) -> str:
    rows = [
        (
            f"**{name}**" if name == choice["chosen"] else name,
            figure(scores["score"]),
            figure(scores["iou"]),
            figure(scores["recall"]),
            figure(scores["head_recall"]),
        )
        for name, scores in choice["scores"].items()
    ]
    return table(("candidate", "score", "IoU", "recall", "recall of heads"), rows)


def threshold_line(recipe: BuildRecipe, choice: Mapping[str, Any]) -> str:
    """Say where the threshold comes from."""
    found = choice["scores"][choice["chosen"]]
    if found["false_area"] is None:
        return f"Its threshold is {found['threshold']:.3g}."
    return (
        f"Its threshold,\n{found['threshold']:.3g} before calibration, is the lowest at which at "
        f"most {recipe.choice.false_area:.3g} of the area of\nphotos without people is taken for "
        "people."
    )


def threshold_table(thresholds: Mapping[str, float | None]) -> str:
    rows = [
        (f"{float(recall):.0%}", "too few images" if threshold is None else f"{threshold:.3g}")
        for recall, threshold in thresholds.items()
    ]
    return table(("recall", "threshold"), rows)


def group_table(groups: Sequence[Mapping[str, Any]]) -> str:
    """One row for each group that is large enough to tell something."""
    rows = [
        (
            group["kind"],
            group["label"],
            group["persons"],
            f"{group['recall']:.3f} ± {group['error']:.3f}",
            f"{group['half_covered']:.0%}",
        )
        for group in groups
        if group["persons"] >= LEAST
    ]
    if not rows:
        return f"No group has {LEAST} persons."
    return table(("by", "group", "persons", "recall", "half covered"), rows)


def spread_line(groups: Sequence[Mapping[str, Any]]) -> str:
    """Say how much the recall differs by skin tone and by stature."""
    parts = []
    for kind in ("skin tone", "stature"):
        shown = [g["recall"] for g in groups if g["kind"] == kind and g["persons"] >= LEAST]
        if len(shown) > 1:
            parts.append(f"{100 * (max(shown) - min(shown)):.1f} points by {kind}")
    return f"Groups differ by up to {', '.join(parts)}." if parts else ""


def measured_tables(measured: Mapping[str, Any]) -> str:
    """One table for each threshold. Nothing was learnt, chosen or calibrated on these images."""
    if not measured:
        return "Nothing was measured on photos."
    parts = []
    for name, result in measured.items():
        recall = name.removeprefix("recall-")
        title = "its own threshold" if name == "own" else f"the threshold for a recall of {recall}"
        rows = [
            (data, *(figure(figures[key]) for key in COLUMNS))
            for data, figures in result["sets"].items()
        ]
        head = ("data", *COLUMNS.values())
        parts.append(f"At {title}, {result['threshold']:.3g}:\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def figure(value: float | int | None) -> str:
    """A figure of a table: a count, a share with three digits, or a dash."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
