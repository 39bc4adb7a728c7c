"""Exit codes, options and imports of the commands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pii_seg.command_line import (
    inference_settings,
    parse,
    parse_tiles,
    run_command,
)
from pii_seg.errors import DataError, InputError
from pii_seg.predict import parser


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (InputError("--x"), 2),
        (DataError("d"), 2),
        (OSError("disk full"), 1),
        (KeyboardInterrupt(), 130),
        (None, 0),
    ],
)
def test_errors_become_one_line_and_a_code(
    raised, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        if raised is not None:
            raise raised
        return 0

    assert run_command(work) == code
    said = capsys.readouterr().err
    assert said.count("\n") == (code != 0)
    assert str(raised) in said or code in (0, 130)


def test_bugs_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


def test_arguments_make_settings() -> None:
    base = ["a.jpg", "--checkpoint", "c", "--output", "o"]
    looked = inference_settings(
        parse(
            parser(), [*base, "--tiles", "auto", "--scales", "0.5", "2", "--flip", "--merge", "max"]
        )
    )
    assert (looked.tiles, looked.scales, looked.flip, looked.merge) == (
        "auto",
        (0.5, 2.0),
        True,
        "max",
    )
    assert inference_settings(parse(parser(), [*base, "--tiles", "3"])).tiles == 3
    assert parse_tiles("3") == 3
    for wrong in (["--tiles", "many"], ["--tiles", "0"], ["--scales", "99"], ["--size", "3"]):
        with pytest.raises(InputError, match=wrong[0]):
            inference_settings(parse(parser(), [*base, *wrong]))
    with pytest.raises(InputError, match="--help"):
        parse(parser(), ["a.jpg", "--output", "o"])


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("train", ("pytorch_lightning", "timm", "segmentation_models_pytorch")),
        ("evaluate", ("pytorch_lightning", "timm", "segmentation_models_pytorch")),
        ("predict", ("pytorch_lightning", "timm", "segmentation_models_pytorch")),
    ],
)
def test_help_does_not_wait_for_libraries_that_it_does_not_need(
    module: str, slow: tuple[str, ...]
) -> None:
    program = (
        f"import sys, pii_seg.{module}; print([name for name in {slow} if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
