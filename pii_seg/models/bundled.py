"""Segmenters that come with the program, and their names.

    PersonSegmenter.load("small")
    pii-seg anonymize photos --output safe            # the same one

Each is a folder of `pii-seg build-model` in `pii_seg/bundled`: weights, an ONNX model, a model card
and a manifest with the hash and licence of every input. They have learnt from renders and from
photos without people, and from no label of a photo.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "bundled"
DEFAULT = "small"
"""The segmenter that commands and the page use when no other is given."""


def bundled_names() -> list[str]:
    """Return the names of the bundled segmenters, sorted."""
    return sorted(path.name for path in FOLDER.glob("[a-z]*") if path.is_dir())


def located(path: Path | str) -> Path:
    """Return where a checkpoint is: a path as it is, or the folder of a bundled segmenter.

    Args:
        path: A path, or a name such as "small". A file or folder of that name in the current
            folder is meant before the bundled segmenter.
    """
    path = Path(path)
    if len(path.parts) == 1 and path.name in bundled_names() and not path.exists():
        return FOLDER / path.name
    return path
