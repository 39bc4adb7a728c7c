"""Exit codes, options and imports of the commands."""

from __future__ import annotations

import errno
import io
import signal
import subprocess
import sys
from pathlib import Path

import jsonargparse
import pytest

from blender_addon.dataset import OutputBusyError
from pii_seg.command_line import (
    inference_settings,
    parse,
    parse_tiles,
    progress_bar,
    run_command,
    with_hyphens,
)
from pii_seg.config_options import merge_repeated
from pii_seg.errors import ConfigError, DataError, InputError
from pii_seg.predict import parser


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (InputError("--x"), 2),
        (DataError("d"), 2),
        (OSError("disk full"), 1),
        (ConfigError("c"), 2),
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


def test_a_bug_is_one_line_and_its_traceback_can_be_had(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command(lambda: 1 // 0) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ZeroDivisionError: ") and said.count("\n") == 1
    assert "PII_SEG_TRACEBACK=1" in said
    monkeypatch.setenv("PII_SEG_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


WORKER = """Caught DataError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/x/fetch.py", line 54, in fetch
    data = [self.dataset[idx]]
pii_seg.errors.DataError: photos/1.jpg: cut short
"""


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/best.ckpt"), 1,
         "/x/best.ckpt: no space left on the disk; free some"),
        (OSError(errno.EACCES, "Permission denied", "/x"), 1, "/x: no permission"),
        (OSError(errno.EMFILE, "Too many open files"), 1, "ulimit"),
        (MemoryError(), 1, "out of memory; use a smaller"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: not enough memory"),
         1, "out of memory; use a smaller"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, "out of memory; use"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "), 1,
         "--machine.workers"),
        (RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"), 1,
         "--machine.workers"),
        (DataError(WORKER), 2, "error: photos/1.jpg: cut short\n"),
        (FloatingPointError("the logits are not finite"), 1, "error: the logits are not finite\n"),
        (OutputBusyError("run: another run is writing there"), 2, "another run"),
        (RecursionError("maximum recursion depth exceeded"), 1, "unexpected"),
        (KeyError("state"), 1, "error: KeyError: 'state' (unexpected"),
    ],
)  # fmt: skip
def test_foreign_errors_name_cause_and_remedy(
    raised: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise raised

    assert run_command(work) == code
    line = capsys.readouterr().err
    assert said in line and line.count("\n") == 1 and "Traceback" not in line


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_that_end_a_process_interrupt_it_like_ctrl_c(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)
    try:

        def work() -> int:
            signal.raise_signal(number)
            return 0

        assert run_command(work, interrupted="resume it") == 130
        assert capsys.readouterr().err == "resume it\n"
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_text_that_the_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    def work() -> int:
        print("\u2013 \u2264 3")
        return 0

    assert run_command(work) == 0
    stream.flush()
    assert stream.buffer.getvalue() == b"\\u2013 \\u2264 3\n"  # type: ignore[attr-defined]


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
        parse(parser(), ["a.jpg"])


def test_options_may_be_spelled_with_underscores() -> None:
    given = ["--batch_size", "a_b", "--loop.repaint_largest=x_y", "file_name", "-s"]
    assert with_hyphens(given) == [
        "--batch-size",
        "a_b",
        "--loop.repaint-largest=x_y",
        "file_name",
        "-s",
    ]


def test_a_configuration_file_must_exist(tmp_path: Path) -> None:
    base = ["a.jpg", "--checkpoint", "c", "--output", "o"]
    for given in (["--config", "nowhere.toml"], ["--config=nowhere.toml"], ["--config"]):
        with pytest.raises(InputError, match="--config"):
            parse(parser(), [*base, *given])
    file = tmp_path / "c.toml"
    file.write_text("size = 320\n")
    assert parse(parser(), [*base, "--config", str(file)]).size == 320


def test_the_help_states_each_default_once() -> None:
    text = " ".join(parser().format_help().split())
    own = "default: the segmenter's own, otherwise"
    assert f"at most this longest side in px ({own} 640)." in text
    assert "as person (default: the checkpoint's own)." in text
    assert "--scales SCALES [SCALES ...]" in text
    assert text.count(f"({own} 1)") == 2  # of tiles and of scales


def test_list_options_may_be_repeated() -> None:
    p = jsonargparse.ArgumentParser()
    p.add_argument("--a", "--data.a", nargs="+", dest="data.a")
    p.add_argument("--b")
    given = ["--a", "1", "2", "--b", "x", "--data.a", "3", "--a=4", "5"]
    assert merge_repeated(p, given) == ["--b", "x", "--a", "1", "2", "3", "4", "5"]
    assert merge_repeated(p, ["--a", "--b", "x"]) == ["--b", "x", "--a"]


def test_one_bar_is_shown_for_each_task(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as on_image:
        for task in ("one", "two"):
            for done in (1, 2):
                on_image(task, done, 2)
    assert capsys.readouterr() == ("", "")  # not a terminal


@pytest.mark.parametrize(
    "module", ["train", "self_train", "evaluate", "predict", "calibrate", "export_coco"]
)
def test_help_does_not_wait_for_torch(module: str) -> None:
    slow = ("torch", "pytorch_lightning", "timm", "segmentation_models_pytorch", "matplotlib")
    program = (
        f"import importlib, sys; importlib.import_module('pii_seg.{module}').parser();"
        f"print([name for name in {slow} if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
