"""Several trainings, one segmenter: the mean of their weights (a uniform "model soup", Wortsman et al., ICML 2022).

Networks that were trained on from the same weights end in one valley of the loss, and their mean lies lower in it than
most of them: it errs less than each, and costs no more than one of them to use.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pii_seg.models.checkpoint import Checkpoint


def uniform_soup(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """The mean of the weights of checkpoints that were trained from the same beginning.

    What is no floating point (counters of batches) is the first's. Its temperature and threshold are those of a
    segmenter that nobody has calibrated. Raises ValueError for none, and for different models.
    """
    if not checkpoints:
        raise ValueError("the mean of no checkpoints")
    first = checkpoints[0]
    if any(other.model != first.model for other in checkpoints[1:]):
        raise ValueError("checkpoints of different models have no mean")
    weights = {
        # In double precision, so that their order does not count.
        name: torch.stack([given.weights[name].double() for given in checkpoints])
        .mean(0)
        .to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in first.weights.items()
    }
    provenance = {"mean_of": [dict(given.provenance) for given in checkpoints]}
    return Checkpoint(first.model, weights, config=first.config, provenance=provenance)
