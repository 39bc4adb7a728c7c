"""The README.md of a segmenter's folder: a model card, in Markdown with a YAML header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADER = """\
---
library_name: pii-seg
pipeline_tag: image-segmentation
tags:
- person-segmentation
- anonymization
---
"""

BODY = """\
# Person segmenter

Finds the pixels of people in images, so that they can be anonymised. Trained by `pii_seg`.

## Use

```python
from pii_seg.models.checkpoint import load_checkpoint

checkpoint = load_checkpoint("FOLDER")  # this folder
segmenter = checkpoint.segmenter("cpu")
logits = segmenter(images)  # uint8 (B, 3, H, W), RGB -> float32 (B, 1, H, W)
person = (logits / checkpoint.temperature).sigmoid() >= checkpoint.threshold
```

`python -m pii_seg.anonymize`, `pii_seg.predict` and `pii_seg.evaluate` take the folder like a
`.ckpt`.

## Model

{model}

## Training

{training}

The whole configuration is in `config.json`. The licence of the weights depends on the data and on
the pre-trained weights they were made from; whoever publishes them adds it here.

## Calibration

{calibration}

## Limits

No segmenter finds everyone. Review anonymised images before you publish them, and measure the
recall on labelled images of your own camera with `python -m pii_seg.evaluate`.
"""


def model_card(description: Mapping[str, Any]) -> str:
    """Write the model card.

    Args:
        description: Everything of a checkpoint but its weights, see `Checkpoint.description`.
    """
    calibration = {
        "temperature": description["temperature"],
        "threshold": description["threshold"],
        "calibrated": "yes" if description["calibration"] else "no",
    }
    provenance = description["provenance"]
    return HEADER + BODY.format(
        model=_table(description["model"]),
        training=_table(
            {name: value for name, value in provenance.items() if name != "data_sketch"}
        ),
        calibration=_table(calibration),
    )


def _table(values: Mapping[str, Any]) -> str:
    """Format names and values as a Markdown table."""
    if not values:
        return "Not recorded."
    rows = [f"| {markdown_cell(name)} | {markdown_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def markdown_cell(value: Any) -> str:
    """Format a value so that it stays within its cell."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {entry}" for key, entry in value.items())
    text = " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
