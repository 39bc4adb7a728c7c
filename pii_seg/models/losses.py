"""The loss: binary cross-entropy, pixel by pixel, and Dice over the batch, which does not drown in background.

Both from segmentation-models-pytorch; pixels of target 255 count in neither.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

IGNORE = 255


class SegmentationLoss(nn.Module):
    """logits (B, 1, H, W) float, target (B, H, W) uint8 of {0, 1, 255} → scalar: cross-entropy + `dice` × Dice.

    A batch without a counted pixel gives 0, not nan. label_smoothing: of the cross-entropy; masks of photographs are
    drawn by hands.
    """

    def __init__(self, *, dice: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.weight, self.smoothing = dice, label_smoothing
        # Summed by hand below: its mean divides by all pixels, ignored ones too.
        self.entropy = smp.losses.SoftBCEWithLogitsLoss(
            ignore_index=IGNORE, smooth_factor=label_smoothing or None, reduction="sum"
        )
        self.dice = smp.losses.DiceLoss("binary", ignore_index=IGNORE, smooth=1.0)

    def forward(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        if weight is not None:
            return self.weighted(logits[:, 0].float(), target, weight)
        logits, target = logits.float(), target[:, None].float()
        counted = (target != IGNORE).sum().clamp_min(1)
        loss = self.entropy(logits, target) / counted
        return loss + self.weight * self.dice(logits, target) if self.weight else loss

    def weighted(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """The same with a weight 0..1 for each pixel, all (B, H, W); with weights of 1 it is the loss without them.

        A light pixel does not make the others heavier: cross-entropy is divided by the number of counted pixels (DACS,
        equation 3). Dice is that of the weighted pixels.
        """
        counts = target != IGNORE
        weight = weight * counts
        truth = (target == 1).float()
        smooth = truth * (1 - 2 * self.smoothing) + self.smoothing
        entropy = F.binary_cross_entropy_with_logits(logits, smooth, weight=weight, reduction="sum")
        loss = entropy / counts.sum().clamp_min(1)
        if not self.weight:
            return loss
        probability = logits.sigmoid()
        both, either = (weight * probability * truth).sum(), (weight * (probability + truth)).sum()
        # Without a person there is nothing to overlap with, as in the library's.
        dice = (1 - (both + 1) / (either / 2 + 1)) * (weight * truth).any()
        return loss + self.weight * dice
