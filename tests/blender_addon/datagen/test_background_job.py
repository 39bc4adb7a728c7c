"""BatchJob with a child that plays the batch: a small Python program that does what each test tells
it.

tests/end_to_end/test_batch.py has the same with the real batch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.datagen.background_job import (
    CHUNK,
    GRACE,
    LAST_LINES,
    LONGEST_LINE,
    Batch,
    BatchJob,
    JobError,
    State,
    _lines,
)
from blender_addon.datagen.command_line import parser

PATIENCE = 30.0  # s, on a busy machine
PRELUDE = """
import json, os, subprocess, sys, time
from pathlib import Path
arguments = sys.argv[1:]
output = Path(arguments[arguments.index("--output") + 1])
def tell(done, total=5):
    line = dict(done=done, total=total, fresh=done, seconds=1.0, cycles_seconds=.5)
    print(json.dumps(line), flush=True)
def wait_for_the_end_of_input():
    while os.read(0, 100): pass
"""


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the job a folder for its recipe: its name is awkward, and it is empty in the end."""
    folder = tmp_path / "témp files"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., BatchJob]:
    """`play(code)` starts a batch whose process runs `code`."""
    jobs = []

    def start(code: str, **batch: object) -> BatchJob:
        script = tmp_path / "fake batch.py"
        script.write_text(PRELUDE + code, encoding="utf-8")
        values = {"recipe": "", "output": tmp_path / "out", "count": 5} | batch
        jobs.append(BatchJob(Batch(**values), [sys.executable, str(script)]))
        return jobs[-1]

    yield start
    for job in jobs:
        job.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def ended(job: BatchJob) -> BatchJob:
    assert job.wait(PATIENCE)
    return job


def test_the_process_gets_the_options_of_the_batch(play, tmp_path, temporary_files):
    output = tmp_path / "mönch & söhne"
    job = play(
        "output.mkdir()\n"
        "recipe = Path(arguments[0]).read_text(encoding='utf-8')\n"
        "(output / 'got.json').write_text(json.dumps([arguments, recipe]))\n"
        "tell(7, 7)",
        recipe='name = "Ærø"\n',
        output=output,
        count=7,
        seed=3,
        device="cpu",
        jobs=2,
        overwrite=True,
    )
    assert ended(job).state is State.DONE
    arguments, recipe = json.loads((output / "got.json").read_text())
    options = parser().parse_args(arguments)
    assert (options.output, options.count, options.seed, options.device) == (output, 7, 3, "cpu")
    assert (options.jobs, options.overwrite, options.stop_on_eof, options.progress) == (
        2,
        True,
        True,
        "json",
    )
    assert recipe == 'name = "Ærø"\n'
    assert list(temporary_files.iterdir()) == []


def test_a_batch_starts_runs_and_is_done(play, tmp_path):
    job = play(
        "for done, gate in enumerate(['first', 'last']):\n"
        "    while not output.with_name(gate).exists(): time.sleep(.01)\n"
        "    tell(done * 5)"
    )
    assert (job.state, job.running, job.progress, job.message) == (State.STARTING, True, None, "")
    (tmp_path / "first").touch()
    until(lambda: job.progress)
    assert (job.state, job.running, job.progress.done, job.message) == (State.RUNNING, True, 0, "")
    (tmp_path / "last").touch()
    ended(job)
    assert (job.state, job.running, job.message) == (State.DONE, False, "Done: 5 images")
    assert job.progress.cycles_seconds == 0.5


def test_cancel_lets_the_running_image_end(play):
    job = play("tell(2)\nwait_for_the_end_of_input()\ntime.sleep(.2)\ntell(3)\nsys.exit(130)")
    until(lambda: job.progress)
    job.cancel()
    job.cancel()  # a second click changes nothing
    assert job.state is State.STOPPING
    ended(job)
    assert (job.state, job.message) == (
        State.STOPPED,
        "Stopped at 3/5; Resume Batch continues there",
    )


def test_cancel_before_the_first_word(play):
    job = play("wait_for_the_end_of_input()\nsys.exit(130)")
    job.cancel()
    assert ended(job).message == "Stopped before the first image; Generate Batch starts it again"


def test_a_batch_that_was_all_but_done_when_it_was_cancelled_is_done(play):
    job = play("wait_for_the_end_of_input()\ntell(5)")
    job.cancel()
    assert ended(job).state is State.DONE


def test_kill_ends_a_process_that_ignores_its_input(play):
    job = play("tell(1)\ntime.sleep(1000)")
    until(lambda: job.progress)
    job.cancel()
    assert not job.wait(0.2)
    job.kill()
    assert ended(job).state is State.STOPPED
    job.kill()
    job.cancel()
    assert job.state is State.STOPPED


@pytest.mark.parametrize("told", ["", "tell(1)"])
def test_close_leaves_nothing_running(play, temporary_files, told):
    job = play(f"{told}\ntime.sleep(1000)")
    begun = time.monotonic()
    job.close()
    assert time.monotonic() - begun < 3 * GRACE
    assert ended(job).state is State.STOPPED
    assert list(temporary_files.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_child_that_is_killed_died(play):
    job = play("tell(3)\nos.kill(os.getpid(), 9)")
    assert ended(job).state is State.DIED
    assert (
        job.message == "Blender ended unexpectedly (signal 9) at 3/5; Resume Batch continues there"
    )


def test_a_child_that_dies_before_its_first_word_died(play):
    job = play("print('Segmentation fault', file=sys.stderr)\nos._exit(139)")
    assert ended(job).state is State.DIED
    assert job.message.startswith(
        "Blender ended unexpectedly (exit code 139) before the first image"
    )
    assert job.last_lines == ("Segmentation fault",)


def test_success_without_the_images_is_none(play):
    assert ended(play("print('hello')")).state is State.DIED
    assert ended(play("tell(4)")).state is State.DIED


@pytest.mark.parametrize("code", [1, 2])
def test_the_child_s_error_is_the_message(play, code):
    job = play(
        "print('no GPU', file=sys.stderr)\n"
        "print('error: /fötos/a b.jpg: cannot be read', file=sys.stderr)\n"
        f"print('worker 1 of 2 ended early', file=sys.stderr)\nsys.exit({code})"
    )
    assert ended(job).state is State.FAILED
    assert job.message == "/fötos/a b.jpg: cannot be read"


def test_a_wrong_option_is_the_message_without_the_program_s_name(play):
    job = play("print('python -m x: error: expected 1 or more', file=sys.stderr)\nsys.exit(2)")
    assert ended(job).message == "expected 1 or more"


def test_an_unexpected_error_is_reported_by_its_last_line(play):
    job = play("raise KeyError('pelvis')")
    assert ended(job).state is State.FAILED
    assert job.message == "KeyError: 'pelvis'"


def test_a_failure_without_a_word_is_told_by_its_code(play):
    assert ended(play("tell(1); sys.exit(1)")).message == "Blender ended with exit code 1 at 1/5"


def test_garbage_on_standard_output_is_no_progress(play):
    job = play(
        "print('Blender 5.2.2', '{not json', '{}', '[1]', sep='\\n', flush=True)\n"
        'print(\'{"done": "x", "total": 2}\', flush=True)\n'
        "sys.stdout.buffer.write(bytes(range(256)) + b'\\n'); sys.stdout.flush()\n"
        "print('[' * 3000, '{\"done\":' * 400, sep='\\n', flush=True)\n"
        "tell(5)\nprint('Blender quit')"
    )
    assert ended(job).state is State.DONE
    assert job.progress.done == 5


def test_a_flood_of_output_neither_blocks_nor_fills_the_memory(play):
    job = play(
        "for stream in (sys.stdout, sys.stderr):\n"
        "    stream.write('x' * 10_000_000 + '\\n')\n"
        "    for i in range(200_000): stream.write(f'line {i}\\n')\n"
        "    stream.flush()\n"
        "tell(5)"
    )
    assert ended(job).state is State.DONE
    assert len(job.last_lines) == LAST_LINES
    assert job.last_lines[-1] == "line 199999"
    assert max(map(len, job.last_lines)) <= LONGEST_LINE


def test_a_job_lasts_as_long_as_the_workers_that_its_process_left_behind(play, tmp_path):
    end = tmp_path / "end"
    worker = f"import time, pathlib\nwhile not pathlib.Path({str(end)!r}).exists(): time.sleep(.01)"
    job = play(
        f"subprocess.Popen([sys.executable, '-c', {worker!r}], stdin=subprocess.DEVNULL)\n"
        "os._exit(9)"
    )
    assert not job.wait(1.0)
    assert job.running
    end.touch()
    assert ended(job).state is State.DIED


def test_a_child_is_told_when_the_program_that_started_it_dies(tmp_path):
    """The program ends without a word to the job, as a Blender that crashes."""
    script = tmp_path / "child.py"
    script.write_text(PRELUDE + "wait_for_the_end_of_input()\noutput.touch()")
    program = (
        "import os, sys; from pathlib import Path\n"
        "from blender_addon.datagen.background_job import Batch, BatchJob\n"
        f"batch = Batch('', Path({str(tmp_path / 'told')!r}), 1)\n"
        f"BatchJob(batch, [sys.executable, {str(script)!r}])\n"
        "os._exit(1)"
    )
    repository = Path(__file__).resolve().parents[3]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository,
        env=environment,
        timeout=PATIENCE,
        check=False,
    )
    until((tmp_path / "told").exists)


def test_a_program_that_ends_is_not_held_up(tmp_path):
    """Nor does Python complain of threads that still read."""
    program = (
        "import sys; from pathlib import Path\n"
        "from blender_addon.datagen.background_job import Batch, BatchJob\n"
        "batch, python = Batch('', Path('x'), 1), [sys.executable, '-c']\n"
        "BatchJob(batch, [*python, 'import time; time.sleep(1000)']).kill()\n"
        "BatchJob(batch, [*python, 'import os\\nwhile os.read(0, 9): pass'])"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        timeout=PATIENCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_blender_that_is_not_there_is_named(tmp_path, temporary_files):
    missing = tmp_path / "no blender"
    with pytest.raises(JobError, match=r"no blender: .*No such file"):
        BatchJob(Batch("", tmp_path / "out", 1), [str(missing)])
    assert list(temporary_files.iterdir()) == []


def test_a_recipe_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(JobError, match="gone"):
        BatchJob(Batch("", tmp_path / "out", 1), [sys.executable])


def test_a_null_byte_in_a_path_is_an_error(temporary_files):
    with pytest.raises(JobError, match="null byte"):
        BatchJob(Batch("", Path("a\0b"), 1), [sys.executable])
    assert list(temporary_files.iterdir()) == []


class Chunks:
    """A pipe that hands out its content in these pieces."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = [chunk for chunk in chunks if chunk]

    def read(self, size: int) -> bytes:
        assert size == CHUNK
        return self._chunks.pop(0) if self._chunks else b""


@given(
    st.lists(
        st.lists(st.sampled_from([b"\n", b"a", "é".encode(), b"\xff", b"ab\ncd"])).map(b"".join)
    )
)
def test_lines_do_not_depend_on_how_they_arrive(chunks):
    whole = b"".join(chunks)
    expected = whole.removesuffix(b"\n").split(b"\n") if whole else []
    assert list(_lines(Chunks(chunks))) == [line.decode("utf-8", "replace") for line in expected]


@given(
    st.integers(0, 3 * LONGEST_LINE),
    st.integers(1, CHUNK),
    st.binary(max_size=9).filter(lambda b: b"\n" not in b),
)
def test_a_long_line_is_cut_and_the_next_one_is_whole(length, size, tail):
    whole = b"x" * length + b"\n" + tail
    lines = list(_lines(Chunks([whole[i : i + size] for i in range(0, len(whole), size)])))
    assert lines[0] == "x" * min(length, LONGEST_LINE)
    assert lines[1:] == ([tail.decode("utf-8", "replace")] if tail else [])


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "/a: holds a dataset made with another recipe; choose another output folder, or "
            "replace it with --overwrite (x)",
            "/a: holds a dataset made with another recipe; choose another output folder (x)",
        ),
        (
            "/a: no space is left on the disk; free some, then run the same command to resume",
            "/a: no space is left on the disk; free some, then press Resume Batch",
        ),
    ],
)
def test_remedies_are_those_of_the_sidebar(play, said, shown):
    job = play(f"print({'error: ' + said!r}, file=sys.stderr)\nsys.exit(1)")
    assert ended(job).message == shown


def test_the_sidebar_has_a_word_for_every_option_that_a_remedy_names():
    from blender_addon.datagen.background_job import _in_sidebar_words
    from blender_addon.datagen.failures import explain

    for error in (MemoryError(), OSError(28, "No space left on device")):
        text = _in_sidebar_words(explain(error, Path("/a"))[0])
        assert "--" not in text and "command" not in text
