"""The loss: binary cross-entropy per pixel, and Dice over the batch against imbalance.

Both are those of segmentation-models-pytorch; pixels of target 255 count in neither.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from pii_seg.data.sources.sample import IGNORE


class SegmentationLoss(nn.Module):
    """Cross-entropy + `dice` × Dice.

    Logits are (B, 1, H, W) float, targets (B, H, W) uint8 of {0, 1, 255}; the loss is a scalar. A
    batch without a counted pixel gives 0, not nan.

    Args:
        dice: Weight of the Dice loss.
        label_smoothing: Label smoothing of the cross-entropy, since masks of photos are drawn by
        hand.
    """

    def __init__(self, *, dice: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.weight = dice
        # Averaged below, because its own mean also divides by the ignored pixels.
        self.entropy = smp.losses.SoftBCEWithLogitsLoss(
            ignore_index=IGNORE, smooth_factor=label_smoothing or None, reduction="sum"
        )
        self.dice = smp.losses.DiceLoss("binary", ignore_index=IGNORE, smooth=1.0)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        logits, target = logits.float(), target[:, None].float()
        counted = (target != IGNORE).sum().clamp_min(1)
        loss = self.entropy(logits, target) / counted
        return loss + self.weight * self.dice(logits, target) if self.weight else loss
