"""Configuration files: read, or refused in plain words; no content ends the process."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.config import (
    AugmentationConfig,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
)
from pii_seg.config_file import MAX_BYTES, parse_toml, read_config_text
from pii_seg.errors import ConfigError, InputError
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings
from pii_seg.train import main
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

WHOLE = (
    b'[data]\nsynthetic = ["r\xc3\xbcms"]\n\n[budget]\nsteps = 3\n\n[augmentation]\nblur = 0.5\n'
)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE)
    assert tomllib.loads(read_config_text(file)) == tomllib.loads(WHOLE.decode())
    file.write_bytes(b"# nothing\n")
    assert read_config_text(file) == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"data:\n  synthetic: [a]\n", "looks like YAML"),
        (b"---\nsteps: 3\n", "looks like YAML"),
        (b'{"budget": {"steps": 3}}', "looks like JSON"),
        ("[budget]\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"[budget]\n# f\xfcr\n", "line 2 is not UTF-8"),
        (b"[budget]\nsteps = 3\nsteps = 4\n", "line 3"),
        (b"a = " + b"[" * 100_000, "nested more than"),
        (b"[" + b"a." * 5000 + b"a]\nb = 1\n", "nested more than"),
        (b"[budget]\nsteps = " + b"9" * 6000, "no TOML that can be read"),
        (b'config = "x.toml"\n', "cannot name another one"),
        (b'"--output\\n" = 1\n', "no name of an option"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MB"),
        (bytes(range(256)), "not UTF-8"),
    ],
)
def test_other_files_are_refused_in_plain_words(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        read_config_text(file)
    assert str(raised.value).startswith(f"--config {file}: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[budget]\nstepz = 3\n", "budget.stepz"),
        ("budget = 3\n", "expected a table, [budget]"),
        ("[budget]\nsteps = 'x'\n", "budget.steps: Expected a whole number"),
        ("[budget]\nminutes = nan\n", "budget.minutes is nan; it must be a finite number"),
        ("[budget]\nseed = -5\n", "budget.seed is -5; it must be at least 0"),
        ("[data]\nsynthetic = 3\n", "data.synthetic"),
        ("[data]\nsynthetic = [1, {a = 2}]\n", "data.synthetic"),
        ("[augmentation]\nscale_range = [1]\n", "augmentation.scale_range"),
    ],
)
def test_wrong_values_are_one_line(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(content)
    assert main(["--config", str(file), "--print-config", "--output", "run"]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "<class" not in error


def test_one_folder_needs_no_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[data]\nsynthetic = 'renders'\n")
    assert main(["--config", str(file), "--print-config"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["data"]["synthetic"] == ["renders"]


@fuzz_settings
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        values = parse_toml(content)
    except InputError as error:
        assert str(error)
    else:
        assert tomllib.loads(tomli_w.dumps(values)) == values or "nan" in repr(values)


@pytest.mark.fuzz
def test_mutated_configurations_are_read_or_refused() -> None:
    for number in range(fuzz_count()):
        try:
            values = parse_toml(mutated(WHOLE, random_of(number)))
        except InputError:
            continue
        assert isinstance(values, dict)


CONFIGS: dict[type, dict[str, Any]] = {
    DataConfig: {},
    AugmentationConfig: {},
    ModelConfig: {},
    OptimiserConfig: {},
    BudgetConfig: {},
    MachineConfig: {},
    GateSettings: {},
    PseudoLabelSettings: {},
    LoopConfig: {"training": TrainConfig(DataConfig(synthetic=("r",))), "unlabelled": ("u",)},
}
NUMBER = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 2**63, 2**64, -1, 0, 10**400]),
)


@fuzz_settings
@given(st.sampled_from(list(CONFIGS)), st.data())
def test_any_number_is_accepted_or_named(config: type, data: st.DataObject) -> None:
    """A number out of range never reaches torch or numpy, where it would be a traceback."""
    fields = [
        entry
        for entry in dataclasses.fields(config)
        if isinstance(entry.default, int | float | tuple)
        and not isinstance(entry.default, bool)
        and "role" not in entry.metadata
        and entry.name not in ("unlabelled", "test", "test_negatives", "person_class")
    ]
    entry = data.draw(st.sampled_from(fields))
    value: Any = data.draw(NUMBER)
    if isinstance(entry.default, tuple):
        value = tuple(data.draw(st.lists(NUMBER, max_size=3)))
    try:
        made = config(**CONFIGS[config], **{entry.name: value})
    except ConfigError as error:
        assert entry.name in str(error) and len(str(error)) < 400
    else:
        values = getattr(made, entry.name)
        for number in values if isinstance(values, tuple) else (values,):
            assert math.isfinite(number) and abs(number) < 2**63
