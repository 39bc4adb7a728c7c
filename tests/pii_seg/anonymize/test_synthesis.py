"""Synthesised persons depend on nothing of the original persons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.redaction import redact
from pii_seg.anonymize.synthesis import load_painter
from tests.diffusion_synth.conftest import tiny_pipeline
from tests.pii_seg.anonymize.conftest import noise


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generator")
    tiny_pipeline("embedded").save_pretrained(folder)
    return folder


def two_persons() -> np.ndarray:
    mask = np.zeros((60, 90), bool)
    mask[10:40, 10:22] = True
    mask[20:55, 60:75] = True
    return mask


def test_painted_persons_do_not_depend_on_the_original(model: Path) -> None:
    paint, mask = load_painter(str(model), steps=2), two_persons()
    first = noise(60, 90)
    second = np.where(mask[..., None], noise(60, 90, seed=9), first)
    outputs = [
        redact(pixels, mask, "synthesise", paint=paint, rng=np.random.default_rng(4))[0]
        for pixels in (first, second)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0][~mask], first[~mask])
    emptied = redact(first, mask, "inpaint", rng=np.random.default_rng(4))[0]
    for columns in (slice(0, 40), slice(40, 90)):  # both persons, not one
        assert (outputs[0] != emptied)[:, columns].any()


def test_other_noise_gives_other_persons(model: Path) -> None:
    paint, mask = load_painter(str(model), steps=2), two_persons()
    outputs = [
        redact(noise(60, 90), mask, "synthesise", paint=paint, rng=np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert (outputs[0] != outputs[2]).any()


def test_the_command_takes_a_generator(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(noise(60, 90)).save(tmp_path / "street.png")
    command = [
        str(tmp_path / "street.png"),
        "--include",
        "0.1,0.1,0.3,0.8",
        "--style",
        "synthesise",
    ]
    assert main([*command, "--output", str(tmp_path / "out"), "--generator", str(model)]) == 0
    out = np.asarray(Image.open(tmp_path / "out" / "street.png"))
    inside = np.s_[6:54, 9:36]
    assert (out[inside] != noise(60, 90)[inside]).mean() > 0.9
    np.testing.assert_array_equal(out[:, 40:], noise(60, 90)[:, 40:])
    capsys.readouterr()
    assert (
        main([*command, "--output", str(tmp_path / "no"), "--generator", str(tmp_path / "absent")])
        == 2
    )
    assert "absent" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(("height", "width"), [(1, 90), (60, 1), (2, 2)])
def test_slivers_are_painted_without_an_error(model: Path, height: int, width: int) -> None:
    mask = np.zeros((60, 90), bool)
    mask[:height, :width] = True
    out = redact(noise(60, 90), mask, "synthesise", paint=load_painter(str(model), steps=1))[0]
    np.testing.assert_array_equal(out[~mask], noise(60, 90)[~mask])
