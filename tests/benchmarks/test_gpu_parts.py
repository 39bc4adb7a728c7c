"""Every part of the GPU benchmarks at tiny size on the CPU, and the JSON that it writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import runner
from benchmarks.gpu.parts.cycles import difference, other_ids
from benchmarks.gpu.parts.generator import matched_rows, start_from
from benchmarks.gpu.record import DONE, Record, faults_of
from benchmarks.pipeline import LAYOUTS, make_untrained
from diffusion_synth.pipeline.loading import load_pipeline
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.generator_learner import GeneratorLearner, GeneratorLearningConfig
from diffusion_synth.training.small_generator import parameter_count
from pii_seg.models.checkpoint import load_checkpoint
from tests.diffusion_synth.conftest import write_dataset

SECONDS = 1e5  # the machine of a test may be busy


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of 48 px, one person each."""
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 48), np.uint8)
    mask[6:42, 14:34] = 1
    line = {"persons": [{"id": 1, "pose_name": "stand"}]}
    pairs = [(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8), mask, line) for _ in range(12)]
    return write_dataset(tmp_path_factory.mktemp("renders"), pairs)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Use one thread: small networks would wait longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_every_part_runs_on_a_cpu(
    renders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All in this process, which imports everything once; `test_gpu_runner` has the processes."""

    def launch(options: argparse.Namespace, name: str, seconds: float) -> int:
        return runner.run_part(name, seconds, options)

    monkeypatch.setattr(runner, "launch_part", launch)
    output = tmp_path / "results"
    arguments = ["--output", output, "--renders", renders, "--device", "cpu", "--tiny"]
    arguments += ["--generator-minutes", 0.002, "--segmenter-minutes", 0.002, "--budget", SECONDS]
    code = command.main([str(argument) for argument in arguments])

    records = {name: Record.load(output, name) for name in runner.PARTS}
    assert {name: record.reason for name, record in records.items() if record.reason} == {}
    assert {record.status for record in records.values()} == {DONE}
    for name, record in records.items():
        assert list(faults_of(json.loads((output / f"{name}.json").read_text()))) == []
        assert record.tiny
        assert record.figures
        assert record.device
        assert all((output / path).exists() for path in record.files)
    checked = {name for name, record in records.items() if record.checks}
    assert checked == {"cycles-optix", "cycles-cuda", "attention", "predict"}
    assert code == 0
    assert load_checkpoint(output / "segmenter" / "best.ckpt").model.encoder == "plain"
    assert load_pipeline(output / "generator" / "model").native_size == 16
    summary = (output / "summary.md").read_text()
    assert "| attention | done; cpu |" in summary
    assert "share of differing pixels" in summary


@pytest.mark.parametrize(
    ("layout", "millions"), [("sd15", [860, 84, 123]), ("sdxl", [2567, 84, 123, 695])]
)
def test_layouts_have_the_sizes_of_the_published_models(layout: str, millions: list[int]) -> None:
    pipeline = make_untrained(LAYOUTS[layout], "meta")
    networks = [pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2]
    found = [round(parameter_count(network) / 1e6) for network in networks if network is not None]
    assert found == millions


def test_masks_are_compared_by_pixels_and_by_ids() -> None:
    ours, theirs = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    ours[:2], theirs[:2] = 1, 1
    assert difference([ours], [theirs]) == 0
    assert other_ids([ours], [theirs]) == 0
    theirs[2, 0] = 1
    assert difference([ours, ours], [theirs, ours]) == pytest.approx(0.005)
    assert other_ids([ours], [theirs]) == 0
    theirs[9, 9] = 2
    ours[9, 9] = 3
    assert other_ids([ours], [theirs]) == 2


def test_embeddings_follow_their_token_into_another_vocabulary() -> None:
    rows = torch.tensor([[1.0], [2.0], [6.0]])
    matched = matched_rows(rows, {"a": 0, "b": 1, "c": 2}, {"c": 0, "new": 1, "a": 2})
    assert matched.tolist() == [[6.0], [3.0], [1.0]]


def test_training_starts_from_the_bundled_generator() -> None:
    """Today's vocabulary has more words than the bundled one; those of both keep their vectors."""
    model = load_pipeline()
    learner = GeneratorLearner(GeneratorLearningConfig(), CropBank(()), read_grammar())
    new = start_from(learner, model)
    assert 0 < new < len(learner.pipeline.tokenizer)
    for network in (learner.networks["unet"], learner.average["unet"]):
        ours, theirs = network.state_dict(), model.unet.state_dict()
        assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    for text in (learner.networks["text_encoder"], learner.average["text_encoder"]):
        vectors, before = (
            part.get_input_embeddings().weight for part in (text, model.text_encoder)
        )
        ours, theirs = (pipe.tokenizer.get_vocab() for pipe in (learner.pipeline, model))
        assert ours["coat</w>"] != theirs["coat</w>"]
        assert torch.equal(vectors[ours["coat</w>"]], before[theirs["coat</w>"]])
