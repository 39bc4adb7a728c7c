"""Pseudo-labels made anew at each step by the moving average of the student's own weights (a "mean teacher").

A picture that comes with a teacher's labels gives two views of one geometry. The average sees the weak one, the
student the strong one: photometric augmentation, persons of renders pasted in (DACS, Tranheden et al., WACV 2021,
section 3: ClassMix from source to target), and a rectangle of another picture (CutMix, Yun et al., ICCV 2019; as in
UniMatch, Yang et al., CVPR 2023). What is pasted or put in front has a true label; other pixels are ASKed for, all of
them or those that the teacher left open, and the average answers where it is confident.

What is drawn is drawn by the loader, from (seed, epoch, place); on the device nothing is random, and all is batched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pii_seg.data.augmentation import log_uniform
from pii_seg.data.sources import IGNORE, PERSON, Sample

ASK = 254  # in the target of a view: a pixel whose label the moving average gives
CUT_AREA = (0.02, 0.4)  # of a rectangle ÷ that of the view, and height ÷ width: UniMatch's
CUT_ASPECT = (0.3, 1 / 0.3)


class Cut(NamedTuple):
    """A rectangle of a view, px, rows top..bottom - 1; it is filled from another view of the batch, by `turn`."""

    top: int
    left: int
    bottom: int
    right: int
    turn: int


NO_CUT = Cut(0, 0, 0, 0, 0)


class Taught(NamedTuple):
    """What the student learns from: targets (B, H, W) uint8 of {0, 1, 255}, and each pixel's weight, float32.

    confident: () float32, the share of the ASKed pixels of the batch that got a label.
    """

    target: Tensor
    weight: Tensor
    confident: Tensor


def asking(sample: Sample, *, throughout: bool) -> Sample:
    """The same picture, ASKed for throughout, or where it has no label.

    Its labels stay known as instances: crops still find its persons.
    """
    instances = sample.instances
    if instances is None or not instances.any():
        instances = (sample.target == PERSON).astype(np.uint16)
    wanted = True if throughout else sample.target == IGNORE
    return replace(
        sample, target=np.where(wanted, np.uint8(ASK), sample.target), instances=instances
    )


def draw_cut(size: int, rng: np.random.Generator) -> Cut:
    """A rectangle within a view of `size` × `size` px, at least a pixel, of UniMatch's areas and aspects."""
    area, aspect = rng.uniform(*CUT_AREA) * size * size, log_uniform(rng, CUT_ASPECT)
    height, width = (
        min(size, max(1, round(side))) for side in (np.sqrt(area * aspect), np.sqrt(area / aspect))
    )
    top, left = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
    return Cut(top, left, top + height, left + width, int(rng.integers(1 << 31)))


def partners(cuts: Sequence[Cut]) -> list[int]:
    """For each of the views of a batch, another one, by its cut's turn; a view that is alone has itself."""
    count = len(cuts)
    return [(place + 1 + cut.turn % max(1, count - 1)) % count for place, cut in enumerate(cuts)]


@torch.no_grad()
def label_asked(
    teacher: Callable[[Tensor], Tensor],
    weak: Tensor,
    asked: Tensor,
    target: Tensor,
    confidence: float,
) -> Taught:
    """Answer what is ASKed for.

    teacher     weak views → logits of "person" (P, 1, H, W), of views in the same geometry
    weak        (P, 3, H, W) uint8
    asked       (P,) int64: their numbers in the batch, each once
    target      (B, H, W) uint8 of {0, 1, ASK, 255}
    confidence  of max(p, 1 - p); pixels below it become 255 (FixMatch, Sohn et al., NeurIPS 2020, equation 4)

    An answered pixel weighs as much as the share of confident ones among those of its view that are ASKed for (DACS,
    equation 2, there over the whole picture), every other one 1.
    """
    probability = teacher(weak)[:, 0].float().sigmoid()
    wanted = target[asked]
    ask = wanted == ASK
    sure = ask & (torch.maximum(probability, 1 - probability) >= confidence)
    person = (probability >= 0.5).to(torch.uint8)
    answered = torch.where(ask, torch.where(sure, person, IGNORE), wanted)
    counts, of = sure.sum((1, 2)), ask.sum((1, 2))
    share = counts / of.clamp_min(1)
    weight = torch.ones(target.shape, device=target.device)
    weight[asked] = torch.where(ask, share[:, None, None], 1.0)
    target = target.clone()
    target[asked] = answered
    return Taught(target, weight, counts.sum() / of.sum().clamp_min(1))


def cut_mix(boxes: Tensor, partner: Tensor, *layers: Tensor) -> tuple[Tensor, ...]:
    """CutMix of pictures, targets and weights alike.

    boxes    (B, 4) int64: top, left, bottom, right; an empty one leaves its view as it is
    partner  (B,) int64: the view of the batch that the rectangle comes from, as it was before anything was cut
    layers   each (B, H, W) or (B, C, H, W)
    """
    height, width = layers[0].shape[-2:]
    top, left, bottom, right = boxes[:, :, None].unbind(1)
    rows, columns = (torch.arange(length, device=boxes.device)[None] for length in (height, width))
    down, across = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    inside = down[:, :, None] & across[:, None, :]
    return tuple(
        torch.where(inside if layer.ndim == 3 else inside[:, None], layer[partner], layer)
        for layer in layers
    )
