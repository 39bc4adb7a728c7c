"""The batch command as its users run it: whole processes, real renders, small images."""

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from blender_addon.datagen.background_job import Batch, BatchJob, State
from blender_addon.dataset import iter_lines, read_info
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.image_files import read_mask

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = (
    "--preset",
    "everyday",
    "--resolution",
    "64x64",
    "--samples",
    "1",
    "--progress",
    "none",
    "--device",
    "cpu",
)
COUNT = 6


def command(output: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "blender_addon.batch",
        *SMALL,
        "--output",
        str(output),
        "--count",
        str(COUNT),
        *more,
    ]


def run(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(output, *more), cwd=REPOSITORY, capture_output=True, text=True)


def contents(dataset: Path) -> dict[str, bytes]:
    """Read what must not depend on how a dataset was made: masks, images and metadata.jsonl."""
    names = [p for folder in ("masks", "images") for p in sorted((dataset / folder).iterdir())]
    found = {str(p.relative_to(dataset)): p.read_bytes() for p in names}
    return found | {"metadata.jsonl": (dataset / "metadata.jsonl").read_bytes()}


@pytest.fixture(scope="module")
def one_run(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("one") / "run"
    done = run(output)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""  # nor Blender's chatter
    assert "Fra:" not in done.stderr
    assert "NumPy" not in done.stderr
    return output


def test_a_run_leaves_a_whole_dataset(one_run):
    lines = list(iter_lines(one_run))
    assert [line["index"] for line in lines] == list(range(COUNT))
    info = read_info(one_run)
    assert info["count"] == COUNT
    assert info["licences"]["body default"]
    for line in lines:
        mask = read_mask(one_run / line["mask_file_name"])
        assert mask.shape == (line["height"], line["width"]) == (64, 64)
        ids = set(np.unique(mask)) - {0}
        assert ids == {p["id"] for p in line["persons"] if p["area"]}
        for person in line["persons"]:
            assert person["area"] == np.count_nonzero(mask == person["id"])
            assert 0 <= person["visibility"] <= 1
            x, y, w, h = person["bbox"]
            assert person["area"] == np.count_nonzero(mask[y : y + h, x : x + w] == person["id"])
            assert len(person["joints2d"]) == len(person["joints3d"]) == 24
    assert (one_run / "contact_sheet.png").stat().st_size > 1000
    assert not list(one_run.rglob("*.tmp"))


@pytest.mark.slow
def test_shards_give_the_same_dataset(one_run, tmp_path):
    for number in (3, 1, 2):
        done = run(tmp_path / "shards", "--shard", f"{number}/3")
        assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "shards") == contents(one_run)


def test_jobs_give_the_same_dataset(one_run, tmp_path):
    done = run(tmp_path / "jobs", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "jobs") == contents(one_run)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_killed_at_random_moments_and_resumed_gives_the_same_dataset(one_run, tmp_path):
    rng = random.Random(11)
    output = tmp_path / "killed"
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(command(output), cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        index = output / "metadata.jsonl"
        before = index.stat().st_size if index.exists() else 0
        while (
            process.poll() is None and kills < 2
        ):  # wait until it works, then strike somewhere in a frame
            if index.exists() and index.stat().st_size > before:
                time.sleep(rng.uniform(0, 0.4))
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                break
            time.sleep(0.01)
        if process.wait() == 0:
            break
        for line in iter_lines(output):
            assert (output / line["mask_file_name"]).stat().st_size > 0
    assert kills >= 1
    assert contents(output) == contents(one_run)
    assert not list(output.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupt_ends_after_the_running_frame_and_the_same_command_continues(one_run, tmp_path):
    output = tmp_path / "stopped"
    process = subprocess.Popen(command(output), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    index = output / "metadata.jsonl"
    while process.poll() is None and not (index.exists() and index.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command to resume" in err
    assert "Traceback" not in err
    done = len(list(iter_lines(output)))
    assert 1 <= done < COUNT
    assert len(list((output / "masks").iterdir())) == done
    assert run(output).returncode == 0
    assert contents(output) == contents(one_run)


def pictures(output: Path) -> int:
    return len(list(iter_lines(output))) if (output / "metadata.jsonl").exists() else 0


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def assert_no_half_pair(output: Path) -> None:
    names = {Path(line["file_name"]).stem for line in iter_lines(output)}
    for folder in ("images", "masks"):
        assert {path.stem for path in (output / folder).iterdir() if path.suffix != ".tmp"} == names


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_the_end_of_standard_input_ends_it_after_the_running_image(one_run, tmp_path, jobs):
    output = tmp_path / "stopped"
    process = subprocess.Popen(
        command(output, "--stop-on-eof", *jobs),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: pictures(output) or process.poll() is not None)
    _, err = process.communicate(timeout=120)  # closes standard input
    assert process.returncode == 130
    assert "run the same command to resume" in err
    assert "Traceback" not in err
    assert 1 <= pictures(output) < COUNT
    assert_no_half_pair(output)
    assert run(output).returncode == 0
    assert contents(output) == contents(one_run)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path):
    output = tmp_path / "orphans"
    process = subprocess.Popen(
        command(output, "--jobs", "2", "--count", "400"),
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: pictures(output))
    process.kill()
    process.communicate(timeout=120)  # until the last worker has closed standard error
    there = pictures(output)
    assert there < 400
    assert_no_half_pair(output)
    time.sleep(1)
    assert pictures(output) == there


@pytest.fixture(scope="module")
def batch() -> Batch:
    """The batch that the sidebar's button would start for the dataset of `one_run`."""
    recipe = load_preset("everyday").with_render(width=64, height=64, samples=1)
    return Batch(recipe.to_toml(), Path(), COUNT, device="cpu")


@pytest.mark.slow
def test_a_job_that_is_cancelled_and_started_again_gives_the_same_dataset(one_run, batch, tmp_path):
    batch = dataclasses.replace(batch, output=tmp_path / "ein Ördner")
    job = BatchJob(batch)
    wait_until(lambda: not job.running or (job.progress and job.progress.done >= 2))
    job.cancel()
    assert job.state is State.STOPPING
    assert job.wait(120)
    assert job.state is State.STOPPED, job.message
    done = pictures(batch.output)
    assert 2 <= done < COUNT
    assert job.message.startswith(f"Stopped at {done}/{COUNT}")
    assert_no_half_pair(batch.output)

    job = BatchJob(batch)
    assert job.wait(120)
    assert (job.state, job.progress.done) == (State.DONE, COUNT), job.message
    assert contents(batch.output) == contents(one_run)
    # What made it is said alike, too: the command line continues it.
    assert (batch.output / "dataset.json").read_bytes() == (one_run / "dataset.json").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_job_whose_blender_is_killed_died_and_is_resumed(one_run, batch, tmp_path):
    batch = dataclasses.replace(batch, output=tmp_path / "killed")
    job = BatchJob(batch)
    wait_until(lambda: not job.running or (job.progress and job.progress.done >= 2))
    os.kill(job.pid, signal.SIGKILL)
    assert job.wait(120)
    assert job.state is State.DIED
    assert "ended unexpectedly (signal 9) at" in job.message
    assert_no_half_pair(batch.output)
    job = BatchJob(batch)
    assert job.wait(120)
    assert job.state is State.DONE, job.message
    assert contents(batch.output) == contents(one_run)


def test_a_job_passes_on_what_the_batch_complains_of(batch, tmp_path):
    job = BatchJob(dataclasses.replace(batch, output=tmp_path / "x", device="metal"))
    assert job.wait(120)
    assert job.state is State.FAILED
    assert job.message.startswith("no metal device on this machine")


@pytest.mark.slow
def test_a_larger_count_extends_the_dataset(one_run, tmp_path):
    assert run(tmp_path / "grown", "--count", "3").returncode == 0
    assert run(tmp_path / "grown").returncode == 0
    assert contents(tmp_path / "grown") == contents(one_run)


def test_another_seed_in_the_same_folder_is_refused(one_run):
    before = contents(one_run)
    done = run(one_run, "--seed", "5")
    assert done.returncode == 2
    assert "another seed" in done.stderr
    assert contents(one_run) == before


def test_an_absent_device_is_an_error_that_lists_what_there_is(tmp_path):
    done = run(tmp_path / "x", "--device", "metal")
    assert done.returncode == 2
    assert "metal" in done.stderr.lower()
    assert "cpu" in done.stderr.lower()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_an_absent_device_deletes_nothing(one_run, tmp_path, jobs):
    shutil.copytree(one_run, tmp_path / "d")
    before = contents(tmp_path / "d")
    done = run(tmp_path / "d", "--overwrite", "--device", "metal", *jobs)
    assert done.returncode == 2
    assert contents(tmp_path / "d") == before


def test_every_pass_is_written_and_named_in_the_index(tmp_path):
    recipe = tmp_path / "all.toml"
    recipe.write_text('base = "close"\n[render]\npasses = ["alpha", "parts", "depth", "normals"]\n')
    output = tmp_path / "out"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "blender_addon.batch",
            str(recipe),
            "--output",
            str(output),
            "--count",
            "2",
            "--resolution",
            "64x48",
            "--samples",
            "4",
            "--progress",
            "json",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["done"] for line in done.stdout.splitlines()] == [0, 1, 2]
    for line in iter_lines(output):
        mask = read_mask(output / line["mask_file_name"])
        parts = read_mask(output / line["parts_file_name"])
        alpha = read_mask(output / line["alpha_file_name"])
        depth, normals = (np.load(output / line[f"{name}_file"]) for name in ("depth", "normals"))
        assert parts.shape == alpha.shape == depth.shape == normals.shape[:2] == (48, 64)
        assert ((parts > 0) == (mask > 0)).all()
        assert parts.max() <= 24
        assert (alpha[mask > 0] >= 127).all()
        assert (depth[mask > 0] > 0).all()
        # A pixel at the outline may belong to a person by half, and to the sky by its middle.
        inside = mask[1:-1, 1:-1] > 0
        for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
            inside &= mask[rows : rows + 46, columns : columns + 62] > 0
        assert np.isfinite(depth[1:-1, 1:-1][inside]).all()


def test_a_photo_is_the_background(tmp_path):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    Image.new("RGB", (80, 60), (200, 30, 30)).save(tmp_path / "photos" / "red.png")
    output = tmp_path / "out"
    done = run(output, "--count", "2", "--photos", str(tmp_path / "photos"))
    assert done.returncode == 0, done.stderr
    for line in iter_lines(output):
        image = np.asarray(Image.open(output / line["file_name"])).astype(int)
        corner = image[:6, :6].reshape(-1, 3).mean(axis=0)
        assert corner[0] > corner[1] + 40
        background = line["background"]
        assert (background["kind"], background["photo"]) == ("photo", "red.png")
        assert background["view"]["focal_from"] == "default"  # the file does not say


def test_a_broken_photo_is_named(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"not a picture")
    done = run(tmp_path / "out", "--photos", str(tmp_path / "photos"))
    assert done.returncode == 2
    assert "bad.jpg" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = run(tmp_path / "file" / "out")
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
