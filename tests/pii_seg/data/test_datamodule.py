"""Which picture comes when follows from (seed, epoch, place), however many processes there are."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.config import AugmentationConfig
from pii_seg.data.datamodule import (
    EpochSampler,
    Feeding,
    Mixed,
    SegmentationDataModule,
    WholePictures,
    collate,
    plan_epoch,
)
from pii_seg.data.sources import Fault, Sample, Source, open_source
from pii_seg.data.sources.base import Progress
from pii_seg.errors import DataError

SMALL = Feeding(size=16, batch_size=4, epoch_size=16, workers=0)
NONE = AugmentationConfig.none()


class Plain(Source):
    """`count` pictures of one colour; those in `bad` cannot be read. It notes what is loaded in this process."""

    photo_only = False

    def __init__(self, name: str, count: int, *, bad: tuple[int, ...] = ()) -> None:
        self.name, self.count, self.bad, self.faults = name, count, bad, []
        self.loaded: list[int] = []
        self.checks = 0

    def __len__(self) -> int:
        return self.count

    def load(self, i: int) -> Sample:
        self.loaded.append(i)
        if i in self.bad:
            raise DataError(f"{self.name}/{i}.jpg: cannot be decoded")
        image = np.random.default_rng(i).integers(0, 255, (24, 20, 3), dtype=np.uint8)
        target = np.zeros((24, 20), np.uint8)
        target[8:16] = 1
        return Sample(str(i), image, target, target.astype(np.uint16))

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        self.checks += 1
        return []


def batches(module: SegmentationDataModule, epoch: int = 0) -> list[dict[str, Any]]:
    module.setup()
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return list(loader)


def equal(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
    return len(ours) == len(theirs) and all(
        a["name"] == b["name"]
        and torch.equal(a["image"], b["image"])
        and torch.equal(a["target"], b["target"])
        for a, b in zip(ours, theirs, strict=True)
    )


# The plan of an epoch


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    weights=st.lists(st.floats(0, 10), min_size=5, max_size=5),
    count=st.integers(1, 120),
    epoch=st.integers(0, 9),
)
def test_a_plan_keeps_its_shares_and_repeats_no_picture_early(
    sizes: list[int], weights: list[float], count: int, epoch: int
) -> None:
    weights = weights[: len(sizes)]
    shares = np.array(weights) * (np.array(sizes) > 0)
    if shares.sum() <= 0:
        with pytest.raises(DataError, match="weight"):
            plan_epoch(sizes, weights, count, seed=1, epoch=epoch)
        return
    plan = plan_epoch(sizes, weights, count, seed=1, epoch=epoch)
    assert plan.shape == (count, 2)
    for entry, size in enumerate(sizes):
        items = Counter(plan[plan[:, 0] == entry, 1].tolist())
        wished = shares[entry] / shares.sum() * count
        assert abs(sum(items.values()) - wished) < 1 + 1e-6
        assert set(items) <= set(range(size))
        if items:
            least = min(items.values()) if len(items) == size else 0
            assert max(items.values()) - least <= 1


def test_plans_differ_by_epoch_and_seed_and_repeat_otherwise() -> None:
    how: dict[str, Any] = {"sizes": [20, 5], "weights": [1, 1], "count": 30}
    first = plan_epoch(**how, seed=1, epoch=0)
    np.testing.assert_array_equal(first, plan_epoch(**how, seed=1, epoch=0))
    assert (first != plan_epoch(**how, seed=1, epoch=1)).any()
    assert (first != plan_epoch(**how, seed=2, epoch=0)).any()


def test_a_source_with_less_than_one_place_an_epoch_still_gets_its_share_over_many() -> None:
    plans = [
        plan_epoch([9, 9, 9], [1.0, 0.04, 0.03], 8, seed=0, epoch=epoch) for epoch in range(600)
    ]
    places = np.bincount(np.concatenate(plans)[:, 0], minlength=3) / (600 * 8)
    np.testing.assert_allclose(places, np.array([1.0, 0.04, 0.03]) / 1.07, atol=0.01)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_an_epoch_without_overlap(world: int) -> None:
    samplers = [
        EpochSampler([7, 4], [1, 2], 20, seed=3, rank=rank, world=world) for rank in range(world)
    ]
    for sampler in samplers:
        sampler.set_epoch(5)
    drawn = [list(sampler) for sampler in samplers]
    assert {len(part) for part in drawn} == {20 // world} == {len(sampler) for sampler in samplers}
    merged = [draw for group in zip(*drawn, strict=True) for draw in group]
    alone = EpochSampler([7, 4], [1, 2], 20, seed=3, rank=0, world=1)
    alone.set_epoch(5)
    assert merged == list(alone)[: len(merged)]


def test_a_resumed_run_skips_what_it_has_seen_once() -> None:
    module = SegmentationDataModule(
        [Mixed(Plain("one", 9))], augmentation=AugmentationConfig(), feeding=SMALL
    )
    whole, following = batches(module, 3), batches(module, 4)
    module.skip = 8
    loader = module.train_dataloader()
    for epoch, expected in ((3, whole[2:]), (4, following)):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        assert equal(list(loader), expected)


# Batches


def test_batches_have_the_promised_shapes_and_mix_by_weight() -> None:
    one, two, never = Plain("one", 50), Plain("two", 3), Plain("never", 9)
    module = SegmentationDataModule(
        [Mixed(one, 3.0), Mixed(two, 1.0), Mixed(never, 0.0)], augmentation=NONE, feeding=SMALL
    )
    got = batches(module)
    assert len(got) == 4
    for batch in got:
        assert batch["image"].shape == (4, 3, 16, 16) and batch["image"].dtype == torch.uint8
        assert batch["image"].is_contiguous(memory_format=torch.channels_last)
        assert batch["target"].shape == (4, 16, 16) and batch["target"].dtype == torch.uint8
    names = Counter(name.split("/")[0] for batch in got for name in batch["name"])
    assert names == {"one": 12, "two": 4}


def test_the_same_views_come_from_any_number_of_workers_and_after_a_resume() -> None:
    def views(workers: int, epoch: int, seed: int = 0) -> list[dict[str, Any]]:
        feeding = dataclasses.replace(SMALL, workers=workers, seed=seed)
        module = SegmentationDataModule(
            [Mixed(Plain("one", 9))], augmentation=AugmentationConfig(), feeding=feeding
        )
        return batches(module, epoch)

    here = views(0, 2)
    assert equal(here, views(2, 2))
    assert not equal(here, views(0, 3))
    assert not equal(here, views(0, 2, seed=1))


def test_loaders_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    batches(
        SegmentationDataModule(
            [Mixed(Plain("one", 9))], augmentation=AugmentationConfig(), feeding=SMALL
        )
    )
    assert torch.equal(before, torch.get_rng_state())


def test_lightning_sets_the_epoch_and_keeps_the_sampler(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Noting(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch: dict[str, Any], _: int) -> torch.Tensor:
            if len(seen) <= self.current_epoch:
                seen.append([])
            seen[self.current_epoch] += batch["name"]
            return self.weight.sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

    module = SegmentationDataModule([Mixed(Plain("one", 40))], augmentation=NONE, feeding=SMALL)
    quiet: dict[str, Any] = {
        "logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.Trainer(max_epochs=3, accelerator="cpu", default_root_dir=tmp_path, **quiet).fit(
        Noting(), module
    )
    expected = [
        [f"one/{item}" for _, item in plan_epoch([40], [1], 16, seed=0, epoch=e)] for e in range(3)
    ]
    assert seen == expected


# Pictures that fail


def test_a_picture_that_fails_is_named_once_and_replaced(caplog: pytest.LogCaptureFixture) -> None:
    source = Plain("one", 4, bad=(2,))
    module = SegmentationDataModule([Mixed(source)], augmentation=NONE, feeding=SMALL)
    names = [name for batch in batches(module) for name in batch["name"]]
    assert len(names) == 16 and "one/2" not in names and source.loaded.count(2) >= 4
    assert [record.getMessage() for record in caplog.records].count(
        "left out: one/2.jpg: cannot be decoded"
    ) == 1


def test_a_picture_that_fails_is_fatal_when_strict_and_so_are_only_failures() -> None:
    how: dict[str, Any] = {"augmentation": NONE, "feeding": SMALL}
    with pytest.raises(DataError, match=r"one/2\.jpg"):
        batches(SegmentationDataModule([Mixed(Plain("one", 4, bad=(2,)))], strict=True, **how))
    with pytest.raises(DataError, match="in a row cannot be used"):
        batches(SegmentationDataModule([Mixed(Plain("one", 3, bad=(0, 1, 2)))], **how))


def test_setup_checks_every_source_once(dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    (dataset / "images/000001.jpg").write_bytes(b"")
    renders, other = open_source(dataset), Plain("other", 2)
    module = SegmentationDataModule(
        [Mixed(renders), Mixed(other, paste=0.5)], [other], persons=[renders], feeding=SMALL
    )
    module.setup()
    module.setup("validate")
    assert len(renders) == 2 and other.checks == 1
    assert sum("000001.jpg" in record.getMessage() for record in caplog.records) == 1


def test_pasting_needs_persons_and_weights_must_make_sense() -> None:
    with pytest.raises(DataError, match="no source of persons"):
        SegmentationDataModule([Mixed(Plain("one", 2), paste=0.5)])
    with pytest.raises(DataError, match="no source of persons"):
        SegmentationDataModule(
            [Mixed(Plain("one", 2))], augmentation=dataclasses.replace(NONE, paste=0.1)
        )
    for wrong in ({"weight": -1.0}, {"weight": float("nan")}, {"paste": 2.0}, {"zoom": 0.0}):
        with pytest.raises(DataError, match="one"):
            Mixed(Plain("one", 2), **wrong)
    for wrong_feeding in ({"size": 0}, {"batch_size": 0}, {"workers": -1}, {"memory_mb": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong_feeding))):
            Feeding(**wrong_feeding)
    with pytest.raises(DataError, match="weight"):
        batches(SegmentationDataModule([Mixed(Plain("one", 2), 0.0)], feeding=SMALL))


def test_memory_is_filled_once_for_a_source_used_twice() -> None:
    source = Plain("one", 6)
    module = SegmentationDataModule(
        [Mixed(source, paste=1.0)],
        persons=[source],
        augmentation=NONE,
        feeding=dataclasses.replace(SMALL, memory_mb=1),
    )
    kept = batches(module)
    assert source.loaded == list(range(6))
    assert module.persons[0] is module.mixture[0].source
    plain = SegmentationDataModule(
        [Mixed(source, paste=1.0)], persons=[source], augmentation=NONE, feeding=SMALL
    )
    assert equal(kept, batches(plain))


def test_training_pictures_are_shrunk_and_validation_pictures_are_not() -> None:
    source = Plain("one", 2)
    module = SegmentationDataModule(
        [Mixed(source)], [source], augmentation=NONE, feeding=dataclasses.replace(SMALL, longest=12)
    )
    batches(module)
    assert module.mixture[0].source.load(0).target.shape == (12, 10)
    assert next(iter(module.val_dataloader()[0]))["target"].shape == (1, 24, 20)


# Validation


def test_validation_is_whole_pictures_one_loader_a_source() -> None:
    module = SegmentationDataModule(
        [Mixed(Plain("t", 2))], [Plain("a", 3), Plain("b", 1)], feeding=SMALL
    )
    module.setup()
    loaders = module.val_dataloader()
    assert module.validation_names == ["a", "b"] and [len(loader) for loader in loaders] == [3, 1]
    got = list(loaders[0])
    assert [batch["name"] for batch in got] == [["0"], ["1"], ["2"]]
    assert got[0]["image"].shape == (1, 3, 24, 20) and got[0]["target"].shape == (1, 24, 20)
    assert got[0]["instances"][0].shape == (24, 20) and got[0]["instances"][0].dtype == torch.int32
    np.testing.assert_array_equal(got[1]["image"][0].permute(1, 2, 0), Plain("a", 3).load(1).image)


def test_validation_can_be_fitted_into_a_square() -> None:
    boxed = WholePictures(Plain("a", 3), 32)
    batch = collate([boxed[i] for i in range(len(boxed))])
    assert batch["image"].shape == (3, 3, 32, 32) and batch["instances"] == [None] * 3
    assert (batch["target"][:, :, 0] == 255).all()
