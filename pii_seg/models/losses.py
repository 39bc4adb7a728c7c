"""The loss: binary cross-entropy, pixel by pixel, and Dice over the batch, which does not drown in background.

Both from segmentation-models-pytorch; pixels of target 255 count in neither.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
from torch import Tensor, nn

IGNORE = 255


class SegmentationLoss(nn.Module):
    """logits (B, 1, H, W) float, target (B, H, W) uint8 of {0, 1, 255} → scalar: cross-entropy + `dice` × Dice.

    A batch without a counted pixel gives 0, not nan. label_smoothing: of the cross-entropy; masks of photographs are
    drawn by hands.
    """

    def __init__(self, *, dice: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.weight = dice
        # Summed by hand below: its mean divides by all pixels, ignored ones too.
        self.entropy = smp.losses.SoftBCEWithLogitsLoss(
            ignore_index=IGNORE, smooth_factor=label_smoothing or None, reduction="sum"
        )
        self.dice = smp.losses.DiceLoss("binary", ignore_index=IGNORE, smooth=1.0)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        logits, target = logits.float(), target[:, None].float()
        counted = (target != IGNORE).sum().clamp_min(1)
        loss = self.entropy(logits, target) / counted
        return loss + self.weight * self.dice(logits, target) if self.weight else loss
