"""The command line of training: what its options come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pii_seg.errors import ConfigError
from pii_seg.train import main, parser
from pii_seg.training_options import read_arguments


def test_folders_may_be_given_together_and_again() -> None:
    options = ["--synthetic", "a", "--synthetic", "b", "c", "--data.labelled=d", "--output", "run"]
    config, rest = read_arguments(parser(), options)
    assert config.data.synthetic == ("a", "b", "c")
    assert config.data.labelled == ("d",)
    assert config.data.negatives == ()
    assert rest.output == Path("run")


def test_augmentations_may_be_left_out_together_and_again() -> None:
    options = ["--synthetic", "a", "--output", "run"]
    everything, _ = read_arguments(parser(), options)
    config, _ = read_arguments(
        parser(), [*options, "--without", "blur", "--without", "noise", "jpeg"]
    )
    assert config.augmentation == everything.augmentation.without("blur", "noise", "jpeg")
    assert config.augmentation != everything.augmentation.without("noise", "jpeg")


def test_the_command_line_wins_over_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[data]\nsynthetic = ["from_file", "too"]\nlabelled = ["photos"]\n')
    config, _ = read_arguments(parser(), ["--config", str(file), "--output", "run"])
    assert config.data.synthetic == ("from_file", "too")
    config, _ = read_arguments(
        parser(), ["--config", str(file), "--synthetic", "mine", "--output", "run"]
    )
    assert config.data.synthetic == ("mine",)
    assert config.data.labelled == ("photos",)


def test_a_configuration_file_from_before_online_labelling_was_removed_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.toml"
    options = ["--config", str(file), "--output", "run"]
    file.write_text('[data]\nsynthetic = ["a"]\n[online]\nenabled = false\nconfidence = 0.9\n')
    with caplog.at_level("INFO"):
        config, _ = read_arguments(parser(), options)
    assert config.data.synthetic == ("a",)
    assert "ignored the [online] section" in caplog.text
    file.write_text("[online]\nenabled = true\n")
    with pytest.raises(ConfigError, match="online labelling was removed"):
        read_arguments(parser(), options)


def test_an_option_without_its_folder_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--synthetic", "--output", "run"]) == 2
    assert "--synthetic" in capsys.readouterr().err
