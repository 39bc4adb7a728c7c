"""Views follow from (seed, epoch, place), however many workers and processes there are."""

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

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.data.datamodule import (
    LoaderConfig,
    SegmentationDataModule,
    WeightedSource,
    WholeImages,
    collate,
)
from pii_seg.data.sampler import plan_epoch
from pii_seg.data.sources import Fault, Sample, Source, open_source
from pii_seg.data.sources.base import Progress
from pii_seg.errors import DataError

SMALL = LoaderConfig(size=16, batch_size=4, epoch_size=16, workers=0)
NONE = AugmentationConfig.none()


class Plain(Source):
    """`count` images; those in `bad` cannot be read. It records what is loaded in this process."""

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


def test_a_resumed_run_skips_the_views_it_used_once() -> None:
    module = SegmentationDataModule(
        [WeightedSource(Plain("one", 9))], augmentation=AugmentationConfig(), loading=SMALL
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
        [WeightedSource(one, 3.0), WeightedSource(two, 1.0), WeightedSource(never, 0.0)],
        augmentation=NONE,
        loading=SMALL,
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
            [WeightedSource(Plain("one", 9))], augmentation=AugmentationConfig(), loading=feeding
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
            [WeightedSource(Plain("one", 9))], augmentation=AugmentationConfig(), loading=SMALL
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

    module = SegmentationDataModule(
        [WeightedSource(Plain("one", 40))], augmentation=NONE, loading=SMALL
    )
    quiet: dict[str, Any] = {
        "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
        "enable_model_summary": False,
    }  # fmt: skip
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.Trainer(max_epochs=3, accelerator="cpu", default_root_dir=tmp_path, **quiet).fit(
        Noting(), module
    )
    expected = [
        [f"one/{item}" for _, item in plan_epoch([40], [1], 16, seed=0, epoch=e)] for e in range(3)
    ]
    assert seen == expected


# Images that fail


def test_an_image_that_fails_is_named_once_and_replaced(caplog: pytest.LogCaptureFixture) -> None:
    source = Plain("one", 4, bad=(2,))
    module = SegmentationDataModule([WeightedSource(source)], augmentation=NONE, loading=SMALL)
    names = [name for batch in batches(module) for name in batch["name"]]
    assert len(names) == 16 and "one/2" not in names and source.loaded.count(2) >= 4
    assert [record.getMessage() for record in caplog.records].count(
        "left out: one/2.jpg: cannot be decoded"
    ) == 1


def test_an_unreadable_image_is_fatal_when_strict_or_when_there_is_no_other() -> None:
    how: dict[str, Any] = {"augmentation": NONE, "loading": SMALL}
    with pytest.raises(DataError, match=r"one/2\.jpg"):
        batches(
            SegmentationDataModule([WeightedSource(Plain("one", 4, bad=(2,)))], strict=True, **how)
        )
    with pytest.raises(DataError, match="in a row cannot be used"):
        batches(SegmentationDataModule([WeightedSource(Plain("one", 3, bad=(0, 1, 2)))], **how))


def test_setup_checks_every_source_once(dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    (dataset / "images/000001.jpg").write_bytes(b"")
    renders, other = open_source(dataset), Plain("other", 2)
    module = SegmentationDataModule(
        [WeightedSource(renders), WeightedSource(other, paste=0.5)],
        [other],
        persons=[renders],
        loading=SMALL,
    )
    module.setup()
    module.setup("validate")
    assert len(renders) == 2 and other.checks == 1
    assert sum("000001.jpg" in record.getMessage() for record in caplog.records) == 1


def test_pasting_needs_persons_and_invalid_weights_are_rejected() -> None:
    with pytest.raises(DataError, match="no source of persons"):
        SegmentationDataModule([WeightedSource(Plain("one", 2), paste=0.5)])
    with pytest.raises(DataError, match="no source of persons"):
        SegmentationDataModule(
            [WeightedSource(Plain("one", 2))], augmentation=dataclasses.replace(NONE, paste=0.1)
        )
    for wrong in ({"weight": -1.0}, {"weight": float("nan")}, {"paste": 2.0}, {"zoom": 0.0}):
        with pytest.raises(DataError, match="one"):
            WeightedSource(Plain("one", 2), **wrong)
    for wrong_feeding in ({"size": 0}, {"batch_size": 0}, {"workers": -1}, {"memory_mb": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong_feeding))):
            LoaderConfig(**wrong_feeding)
    with pytest.raises(DataError, match="weight"):
        batches(SegmentationDataModule([WeightedSource(Plain("one", 2), 0.0)], loading=SMALL))


def test_memory_is_filled_once_for_a_source_used_twice() -> None:
    source = Plain("one", 6)
    module = SegmentationDataModule(
        [WeightedSource(source, paste=1.0)],
        persons=[source],
        augmentation=NONE,
        loading=dataclasses.replace(SMALL, memory_mb=1),
    )
    held = batches(module)
    assert source.loaded == list(range(6))
    assert module.persons[0] is module.mixture[0].source
    plain = SegmentationDataModule(
        [WeightedSource(source, paste=1.0)], persons=[source], augmentation=NONE, loading=SMALL
    )
    assert equal(held, batches(plain))


def test_training_images_are_shrunk_and_validation_images_are_not() -> None:
    source = Plain("one", 2)
    module = SegmentationDataModule(
        [WeightedSource(source)],
        [source],
        augmentation=NONE,
        loading=dataclasses.replace(SMALL, longest=12),
    )
    batches(module)
    assert module.mixture[0].source.load(0).target.shape == (12, 10)
    assert next(iter(module.val_dataloader()[0]))["target"].shape == (1, 24, 20)


# Validation


def test_validation_is_whole_images_one_loader_a_source() -> None:
    module = SegmentationDataModule(
        [WeightedSource(Plain("t", 2))], [Plain("a", 3), Plain("b", 1)], loading=SMALL
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
    boxed = WholeImages(Plain("a", 3), 32)
    batch = collate([boxed[i] for i in range(len(boxed))])
    assert batch["image"].shape == (3, 3, 32, 32) and batch["instances"] == [None] * 3
    assert (batch["target"][:, :, 0] == 255).all()
