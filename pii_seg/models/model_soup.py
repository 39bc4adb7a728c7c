"""The mean of the weights of several trainings (model soup, Wortsman et al., ICML 2022).

Networks that were fine-tuned from the same weights end in one basin of the loss, and their mean
lies lower than most of them: it errs less than each, and costs no more to use than one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pii_seg.models.checkpoint import Checkpoint


def mean_checkpoint(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Average the weights of checkpoints that were trained from the same weights.

    Tensors that are not floating point (counters of batches) are those of the first checkpoint. The
    result is uncalibrated: temperature and threshold have their defaults.

    Args:
        checkpoints: Checkpoints of one model.

    Raises:
        ValueError: There is no checkpoint, or they are of different models.
    """
    if not checkpoints:
        raise ValueError("cannot average the weights of no checkpoints")
    first = checkpoints[0]
    if any(other.model != first.model for other in checkpoints[1:]):
        raise ValueError("cannot average the weights of different models")
    weights = {
        # In double precision, so that the order of the checkpoints does not matter.
        name: torch.stack([given.weights[name].double() for given in checkpoints])
        .mean(0)
        .to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in first.weights.items()
    }
    provenance = {"mean_of": [dict(given.provenance) for given in checkpoints]}
    return Checkpoint(first.model, weights, config=first.config, provenance=provenance)
