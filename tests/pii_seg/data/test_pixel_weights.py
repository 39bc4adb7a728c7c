"""Heads, outlines and small persons can count more in the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.data.copy_paste import CutOut, CutOutBank, cut_out, paste_among
from pii_seg.data.datamodule import LoaderConfig, SegmentationDataModule, WeightedSource
from pii_seg.data.mixture import Subset
from pii_seg.data.pixel_weights import HeadsMarked, PixelWeights, near_outline, pixel_weights
from pii_seg.data.resize import resize_target, shrink
from pii_seg.data.sources import HEAD, IGNORE, PERSON, Fault, Sample, Source
from pii_seg.data.sources.base import Progress
from pii_seg.models.losses import SegmentationLoss


class Standing(Source):
    """One upright person of 60 × 20 px in the middle of 80 × 80; its upper 15 rows are the head."""

    name, photo_only = "standing", False

    def __init__(self, count: int = 3) -> None:
        self.count, self.faults = count, []

    def __len__(self) -> int:
        return self.count

    def load(self, i: int) -> Sample:
        target = np.zeros((80, 80), np.uint8)
        target[10:70, 30:50] = PERSON
        image = np.full((80, 80, 3), 20 + i, np.uint8)
        return Sample(str(i), image, target, target.astype(np.uint16))

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        heads = np.zeros((80, 80), bool)
        heads[5:25, 30:50] = True  # reaches over the person, as a rough drawing does
        return heads

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return []


def test_weights_multiply_and_leave_the_rest_at_one() -> None:
    target = HeadsMarked(Standing()).load(0).target
    target[75:] = IGNORE
    equal = pixel_weights(target, PixelWeights())
    assert PixelWeights().all_equal and (equal == 1).all() and equal.dtype == np.float32
    weight = pixel_weights(target, PixelWeights(head=4, boundary=3, boundary_width=2))
    assert weight[17, 40] == 4 and weight[50, 40] == 1 and weight[40, 5] == 1
    assert weight[11, 40] == 12  # a head's outline
    assert weight[50, 31] == weight[50, 28] == 3 and weight[50, 33] == weight[50, 26] == 1


def test_small_persons_weigh_more_by_the_root_of_their_area() -> None:
    target = np.zeros((200, 200), np.uint8)
    target[10:22, 10:22], target[30:54, 30:54], target[100:200, 100:200] = 1, 1, 1
    weight = pixel_weights(target, PixelWeights(small=3))
    assert weight[15, 15] == 3  # 12 px would be four times
    assert weight[40, 40] == 2 and weight[150, 150] == 1 and weight[0, 0] == 1
    assert pixel_weights(np.zeros((9, 9), np.uint8), PixelWeights(small=3)).max() == 1


def test_the_edge_of_what_is_ignored_is_no_outline() -> None:
    person = np.zeros((20, 20), bool)
    person[:, :10] = True
    assert not near_outline(person, ~person, 2).any()
    found = near_outline(person, np.zeros_like(person), 2)
    assert found[:, 8:12].all() and found.sum() == 4 * 20


def test_heads_survive_views_and_shrinking() -> None:
    sample = HeadsMarked(Standing()).load(0)
    assert (sample.target == HEAD).sum() == 15 * 20 and (sample.target == PERSON).sum() == 45 * 20
    half = resize_target(sample.target, 40, 40)
    assert (half == HEAD).sum() == 7 * 10 + 10 and (half > 0).sum() == 30 * 10
    small = shrink(sample, 40)
    assert small.instances is not None and (small.instances > 0).sum() == 300
    part = HeadsMarked(Subset(Standing(), [2]))
    assert (part.load(0).target == HEAD).sum() == 15 * 20


def test_views_carry_weights_and_the_loss_sees_two_values() -> None:
    loading = LoaderConfig(size=80, batch_size=2, workers=0, longest=0)
    source = Standing()

    def batch_of(weights: PixelWeights | None) -> dict:
        module = SegmentationDataModule(
            [WeightedSource(source)],
            augmentation=AugmentationConfig.none(),
            loading=loading,
            weights=weights,
        )
        module.setup()
        return next(iter(module.train_dataloader()))

    plain, weighed = batch_of(None), batch_of(PixelWeights(head=5))
    assert "weight" not in plain
    assert torch.equal(plain["target"], weighed["target"])
    heads = weighed["weight"] == 5
    assert heads.sum() == 2 * 15 * 20 and heads[:, 10:25, 30:50].all()
    assert (weighed["weight"][~heads] == 1).all()


def test_a_pasted_person_brings_its_head() -> None:
    how = replace(AugmentationConfig.none(), paste_height=(1.0, 1.0), paste_count=(1, 1))
    found = cut_out(HeadsMarked(Standing()).load(0), np.random.default_rng(0))
    assert isinstance(found, CutOut) and found.head is not None
    for seed in range(20):
        image, target = np.full((160, 160, 3), 90, np.uint8), np.zeros((160, 160), np.uint8)
        bank = CutOutBank([HeadsMarked(Standing())])
        paste_among(image, target, how, persons=(bank, np.random.default_rng(seed)))
        rows = np.flatnonzero((target > 0).any(axis=1))
        if len(rows) > 100:
            heads = np.flatnonzero((target == HEAD).any(axis=1))
            assert len(heads) and heads[0] - rows[0] <= 2 and heads[-1] < rows[len(rows) // 2]
            return
    raise AssertionError("nobody was pasted whole")


def test_weighted_entropy_is_the_mean_of_the_weighted_pixels() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 1, 8, 8, generator=generator, requires_grad=True)
    target = torch.randint(0, 2, (2, 8, 8), generator=generator, dtype=torch.uint8)
    target[:, 0] = IGNORE
    loss = SegmentationLoss(dice=0.0, label_smoothing=0.1)
    ones = torch.ones(2, 8, 8)
    assert torch.allclose(loss(logits, target, ones), loss(logits, target))
    weight = ones.clone()
    weight[:, 4:] = 0.0
    half = target.clone()
    half[:, 4:] = IGNORE
    assert torch.allclose(loss(logits, target, weight), loss(logits, half))
    assert torch.allclose(loss(logits, target, 7 * ones), loss(logits, target))
    loss(logits, torch.full_like(target, IGNORE), ones).backward()
    assert logits.grad is not None and not logits.grad.any()
