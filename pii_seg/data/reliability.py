"""Choice of the pseudo-labelled images to train on, by the reliability of their labels.

Reliability is that of ST++ (Yang et al., CVPR 2022, section 3.3): the mean IoU of the masks of
earlier checkpoints with those of the last. `pii_seg.selftrain.pseudo_labels` computes it and writes
it into the lines of a dataset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

PSEUDO_KEY = "pseudo"  # key of the measures of a pseudo-label in a line of the index


def most_reliable(lines: Iterable[Mapping[str, Any]], share: float) -> list[int]:
    """Choose the most reliable share of the images with persons, and of those without.

    The two kinds are ranked apart: images without persons are the most reliable ones, and a student
    would otherwise begin with empty streets alone.

    Args:
        lines: Lines of the index of a pseudo-labelled dataset.
        share: Fraction of each kind to choose, 0..1; at least one image, the first among equals.

    Returns:
        The indices of the chosen images, ascending.

    Raises:
        ValueError: The lines hold no reliability, or `share` is not within 0..1.
    """
    if not 0 < share <= 1:
        raise ValueError(
            f"the share of reliable images is {share}; it must be above 0 and at most 1"
        )
    kinds: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for line in lines:
        value = line[PSEUDO_KEY]["reliability"]
        if value is None:
            raise ValueError("the labels hold no reliability; label with earlier checkpoints too")
        kinds[bool(line["persons"])].append((-value, line["index"]))
    return sorted(
        index
        for ranked in kinds.values()
        for _, index in sorted(ranked)[: math.ceil(share * len(ranked))]
    )
