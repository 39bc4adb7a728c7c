"""The loss: binary cross-entropy per pixel, and Dice over the batch against imbalance.

Both are those of segmentation-models-pytorch; pixels of target 255 count in neither.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch.nn.functional as F  # noqa: N812
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
        self.smoothing = label_smoothing
        # Averaged below, because its own mean also divides by the ignored pixels.
        self.entropy = smp.losses.SoftBCEWithLogitsLoss(
            ignore_index=IGNORE, smooth_factor=label_smoothing or None, reduction="sum"
        )
        self.dice = smp.losses.DiceLoss("binary", ignore_index=IGNORE, smooth=1.0)

    def forward(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Compute the loss; `weight`, float (B, H, W), weighs the pixels of the cross-entropy."""
        logits, target = logits.float(), target[:, None].float()
        if weight is None:
            counted = (target != IGNORE).sum().clamp_min(1)
            loss = self.entropy(logits, target) / counted
        else:
            loss = self._weighted_entropy(logits, target, weight[:, None])
        return loss + self.weight * self.dice(logits, target) if self.weight else loss

    def _weighted_entropy(self, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """The weighted mean over the counted pixels."""
        known = target != IGNORE
        soft = (1 - target) * self.smoothing + target * (1 - self.smoothing)
        entropy = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        total = (weight * known).sum().clamp_min(1e-6)
        return (entropy * weight).masked_fill(~known, 0.0).sum() / total
