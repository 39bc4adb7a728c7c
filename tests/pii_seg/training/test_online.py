"""Labels of the moving average: who gives them, what is cut along, and that a resumed run has the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pii_seg.config import (
    SIZES,
    BudgetConfig,
    DataConfig,
    OnlineConfig,
    OptimiserConfig,
    TrainConfig,
    plain,
)
from pii_seg.data.augmentation import Augmentation, Streams, take_view
from pii_seg.data.copy_paste import PersonBank
from pii_seg.data.datamodule import Draw, Mixed, TrainingViews, View, collate
from pii_seg.data.sources import IGNORE, PERSON, Sample, open_source
from pii_seg.errors import ConfigError, InputError
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.models.losses import SegmentationLoss
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.loop import settings_of
from pii_seg.train import main, read_arguments
from pii_seg.training.fit import build_module, fit
from pii_seg.training.module import moving_average
from pii_seg.training.online import (
    ASK,
    NO_CUT,
    Cut,
    asking,
    cut_mix,
    draw_cut,
    label_asked,
    partners,
)
from tests.diffusion_synth.conftest import write_dataset
from tests.pii_seg.selftrain.test_loop import scene
from tests.pii_seg.training.test_fit import (
    MACHINE,
    At,
    assert_same_run,
    ctrl_c,
    state_of,
    write_pairs,
)

SIZE = 32


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    """Nine steps of a student, validated after 4, 8 and 9."""
    renders = write_pairs(tmp_path / "renders", 6)
    pseudo = write_dataset(tmp_path / "pseudo", [scene(number) for number in range(6)])
    before = TrainConfig(
        data=DataConfig(synthetic=(str(renders),), size=SIZE, batch_size=4),
        model=SIZES["tiny"],
        optimiser=OptimiserConfig(learning_rate=0.02),
        budget=BudgetConfig(steps=9, validate_every=4),
        machine=MACHINE,
    )
    fit(before, tmp_path / "teacher")
    # An average that is as sure of everything as it can be answers everywhere, so that it counts in nine steps.
    return replace(
        before,
        data=replace(before.data, pseudo=(str(pseudo),)),
        start_from=str(tmp_path / "teacher" / "best.ckpt"),
        online=OnlineConfig(enabled=True, confidence=0.5),
    )


# The core


def test_only_what_is_asked_for_and_sure_is_answered() -> None:
    target = torch.tensor(
        [[[0, 1, 255, 255]], [[ASK, ASK, 1, 255]], [[ASK] * 4]], dtype=torch.uint8
    )
    logits = torch.tensor([[[[5.0, -5.0, 5.0, 5.0]]], [[[5.0, -5.0, 0.1, 0.0]]]])
    before = target.clone()
    weak = torch.zeros(2, 3, 1, 4, dtype=torch.uint8)
    taught = label_asked(lambda images: logits, weak, torch.tensor([1, 2]), target, 0.95)
    assert taught.target.tolist() == [[[0, 1, 255, 255]], [[1, 0, 1, 255]], [[1, 0, 255, 255]]]
    assert taught.weight.tolist() == [[[1.0] * 4], [[1.0] * 4], [[0.5] * 4]]
    assert float(taught.confident) == pytest.approx(4 / 6)
    assert torch.equal(target, before)  # the batch is not written to


def test_a_view_without_a_question_and_one_without_an_answer_teach_nothing_wrong() -> None:
    target = torch.stack(
        [torch.full((2, 2), IGNORE, dtype=torch.uint8), torch.full((2, 2), ASK, dtype=torch.uint8)]
    )
    weak = torch.zeros(2, 3, 2, 2, dtype=torch.uint8)
    taught = label_asked(
        lambda images: torch.zeros(2, 1, 2, 2), weak, torch.arange(2), target, 0.95
    )
    assert (taught.target == IGNORE).all()
    assert not taught.weight.isnan().any()
    assert taught.confident == 0


def test_pictures_targets_and_weights_are_cut_alike() -> None:
    values = torch.arange(3, dtype=torch.uint8).view(3, 1, 1).expand(3, 6, 5)
    boxes = torch.tensor([[1, 2, 3, 5], [0, 0, 0, 0], [0, 0, 6, 5]])
    image, target, weight = cut_mix(
        boxes, torch.tensor([1, 2, 0]), values[:, None].repeat(1, 3, 1, 1), values, values.float()
    )
    wanted = values.clone()
    wanted[0, 1:3, 2:5] = 1
    wanted[2] = 0  # the first as it was, not as it became
    assert torch.equal(target, wanted)
    assert torch.equal(weight, wanted.float())
    assert all(torch.equal(image[:, channel], wanted) for channel in range(3))


def test_cuts_lie_within_and_partners_are_others() -> None:
    for number in range(200):
        cut = draw_cut(17, np.random.default_rng(number))
        assert 0 <= cut.top < cut.bottom <= 17 and 0 <= cut.left < cut.right <= 17
    for count in (2, 5):
        cuts = [Cut(0, 0, 1, 1, turn) for turn in range(count)]
        assert all(place != other for place, other in enumerate(partners(cuts)))
    assert partners([NO_CUT]) == [0]


def test_weights_of_one_change_nothing_and_light_pixels_count_less() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, generator=generator)
    target = torch.zeros(2, 8, 8, dtype=torch.uint8)
    target[:, :4], target[:, 6:] = 1, 255
    for loss in (SegmentationLoss(), SegmentationLoss(dice=0.0, label_smoothing=0.1)):
        assert torch.allclose(loss(logits, target, torch.ones(2, 8, 8)), loss(logits, target))
    loss = SegmentationLoss(dice=0.0)
    assert torch.allclose(
        loss(logits, target, torch.full((2, 8, 8), 0.5)), 0.5 * loss(logits, target)
    )
    nobody = torch.zeros(2, 8, 8, dtype=torch.uint8)
    assert torch.allclose(
        SegmentationLoss()(logits, nobody, torch.ones(2, 8, 8)), SegmentationLoss()(logits, nobody)
    )


# The views


def views(
    tmp_path: Path, how: Augmentation, paste: float = 0.0, *, unsure_only: bool = False
) -> TrainingViews:
    source = open_source(write_dataset(tmp_path / "pseudo", [scene(number) for number in range(4)]))
    mixture = [Mixed(source, paste=paste, online=True), Mixed(source)]
    bank = PersonBank([source])
    return TrainingViews(mixture, SIZE, how, bank, seed=3, cutmix=1.0, unsure_only=unsure_only)


def test_the_weak_view_has_the_geometry_and_nothing_else(tmp_path: Path) -> None:
    loader = views(tmp_path, Augmentation())
    source = open_source(tmp_path / "pseudo")
    for place in range(8):
        view = loader[Draw(1, place, 0, place % 4)]
        assert isinstance(view, View) and view.weak is not None
        same = take_view(source.load(place % 4), SIZE, Augmentation(), Streams((3, 1, place)))
        assert np.array_equal(view.weak, same.image)
        # Outside is not asked for; where something stands before the picture, its label is known.
        assert set(np.unique(view.target)) <= {0, ASK, IGNORE}
        again = loader[Draw(1, place, 0, place % 4)]
        assert np.array_equal(view.image, again.image) and view.cut == again.cut


def test_pasted_persons_have_true_labels(tmp_path: Path) -> None:
    loader = views(tmp_path, Augmentation.none(), paste=1.0)
    found = [loader[Draw(0, place, 0, place % 4)] for place in range(6)]
    assert any((view.target == PERSON).any() for view in found)
    for view in found:
        assert isinstance(view, View) and view.weak is not None
        changed = (view.image != view.weak).any(-1)
        assert changed[view.target == PERSON].mean() > 0.9 or not (view.target == PERSON).any()


def test_crops_find_persons_whose_labels_are_asked_for() -> None:
    target = np.zeros((60, 60), np.uint8)
    target[50:54, 50:54] = PERSON
    sample = Sample("a", np.zeros((60, 60, 3), np.uint8), target)
    asked = asking(sample, throughout=True)
    assert (asked.target == ASK).all() and asked.instances is not None
    assert np.array_equal(asked.instances == 1, target == PERSON)
    assert (sample.target == target).all()


def test_what_the_teacher_was_sure_of_can_stay(tmp_path: Path) -> None:
    target = np.zeros((60, 60), np.uint8)
    target[50:54, 50:54], target[:9] = PERSON, IGNORE
    asked = asking(Sample("a", np.zeros((60, 60, 3), np.uint8), target), throughout=False)
    assert np.array_equal(asked.target == ASK, target == IGNORE)
    assert np.array_equal(asked.target[target != IGNORE], target[target != IGNORE])
    # These pictures have no pixel without a label: nothing is left to ask for, and persons stay persons.
    loader = views(tmp_path, Augmentation.none(), unsure_only=True)
    found = [loader[Draw(0, place, 0, place % 4)] for place in range(8)]
    assert not any((view.target == ASK).any() for view in found)
    assert any((view.target == PERSON).any() for view in found)


def test_batches_tell_who_asks(tmp_path: Path) -> None:
    loader = views(tmp_path, Augmentation.none())
    batch = collate([loader[Draw(0, place, entry, 0)] for place, entry in enumerate((1, 0, 1, 0))])
    assert batch["asked"].tolist() == [1, 3]
    assert batch["weak"].shape == (2, 3, SIZE, SIZE) and batch["weak"].dtype == torch.uint8
    assert batch["boxes"][[0, 2]].sum() == 0 and (batch["boxes"][[1, 3], 2] > 0).all()
    assert "weak" not in collate([loader[Draw(0, 0, 1, 0)]])


# The training


def test_the_loss_comes_from_the_moving_average(config: TrainConfig) -> None:
    module = build_module(config, load_checkpoint(Path(config.start_from)))
    module.log = lambda *given, **named: None  # type: ignore[method-assign]
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 255, (2, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    nothing = torch.zeros(2, dtype=torch.int64)
    batch: dict[str, Any] = {
        "image": image, "target": torch.full((2, SIZE, SIZE), ASK, dtype=torch.uint8), "weak": image,
        "asked": torch.arange(2), "boxes": torch.zeros(2, 4, dtype=torch.int64), "partner": nothing,
    }  # fmt: skip

    def loss_with(bias: float) -> float:
        with torch.no_grad():
            next(p for n, p in module.kept.named_parameters() if n.endswith("head.bias")).fill_(
                bias
            )
        return float(module.training_step(batch, 0).detach())

    assert not module.train().averaged.training
    assert abs(loss_with(40.0) - loss_with(-40.0)) > 0.1
    assert not any(parameter.grad is not None for parameter in module.averaged.parameters())


@pytest.mark.parametrize("step", [2, 6])
def test_an_interrupted_student_resumed_equals_one_that_was_not(
    config: TrainConfig, tmp_path: Path, step: int
) -> None:
    fit(config, tmp_path / "whole")
    first = fit(config, tmp_path / "broken", callbacks=[At(step, ctrl_c)])
    assert (first.ended, first.steps) == ("interrupted", step)
    assert fit(config, tmp_path / "broken", resume=True).steps == 9
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_it_is_another_training_than_without(config: TrainConfig, tmp_path: Path) -> None:
    fit(config, tmp_path / "online")
    fit(replace(config, online=OnlineConfig()), tmp_path / "offline")
    name = "segmenter.network.head.weight"
    one, other = (state_of(tmp_path / run)["state_dict"][name] for run in ("online", "offline"))
    assert not torch.equal(one, other)


# What is configured


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"confidence": 0.4}, r"online\.confidence is 0\.4"),
        ({"confidence": 1.0}, r"online\.confidence is 1\.0"),
        ({"paste": 1.5}, r"online\.paste is 1\.5"),
        ({"cutmix": -0.1}, r"online\.cutmix is -0\.1"),
    ],
)
def test_values_that_make_no_sense(values: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OnlineConfig(**values)  # type: ignore[arg-type]


def test_an_average_that_labels_does_not_forget_its_teacher_at_once() -> None:
    """A young one did, and its student collapsed with it."""
    forgetful, faithful = [torch.zeros(1)], [torch.zeros(1)]
    for count in range(1, 4):
        moving_average(0.99)(forgetful, [torch.ones(1)], count)
        moving_average(0.99, young=False)(faithful, [torch.ones(1)], count)
    assert float(forgetful[0]) > 0.9
    assert float(faithful[0]) == pytest.approx(1 - 0.99**3)


def test_it_needs_pseudo_labels_and_weights(tmp_path: Path) -> None:
    training = TrainConfig(DataConfig(synthetic=("renders",)), online=OnlineConfig(enabled=True))
    with pytest.raises(InputError, match="give --pseudo"):
        fit(training, tmp_path / "run")
    with pytest.raises(InputError, match="give --start_from"):
        fit(replace(training, data=replace(training.data, pseudo=("p",))), tmp_path / "run")
    with pytest.raises(ConfigError, match="from_scratch"):
        LoopConfig(training, ("photos",), from_scratch=True)
    assert not (tmp_path / "run").exists()


def test_options_survive_their_own_file_and_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "--unlabelled",
        "a",
        "--synthetic",
        "b",
        "--online.enabled",
        "true",
        "--online.cutmix",
        "0.25",
    ]
    assert main([*given, "--print_config"]) == 0
    (tmp_path / "all.toml").write_text(capsys.readouterr().out)
    config, _ = read_arguments(["--config", str(tmp_path / "all.toml"), "--output", "run"])
    assert isinstance(config, LoopConfig)
    student = config.student(1, "pseudo", None, ("b",))
    assert student.online == OnlineConfig(enabled=True, cutmix=0.25)
    assert plain(student)["online"]["cutmix"] == 0.25
    assert main(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--online.enabled" in said and "the student learns strong ones" in said


def test_switched_off_it_leaves_earlier_stages_as_they_are() -> None:
    off = TrainConfig(DataConfig(synthetic=("renders",)))
    assert settings_of(off) == settings_of(replace(off, online=OnlineConfig(cutmix=0.1)))
    assert settings_of(off) != settings_of(replace(off, online=OnlineConfig(enabled=True)))
