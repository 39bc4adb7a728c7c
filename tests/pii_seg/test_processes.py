"""Whole processes, from outside: signals, SLURM, and an environment that knows no UTF-8."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pii_seg.config import SIZES
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from tests.pii_seg.training.test_fit import write_pairs

ROOT = Path(__file__).resolve().parents[2]
PLAIN = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PATIENCE = 180  # seconds, on a busy machine
STEPS = 80


def start(*arguments: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **PLAIN, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, out, err


def wait_for(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        assert process.poll() is None, end(process)
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_slurm_job_is_requeued_and_continues(tmp_path: Path) -> None:
    """SLURM signals all processes of a job, those that load data too."""
    pairs, run = write_pairs(tmp_path / "bilder-ü", 8), tmp_path / "run"
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tools / "scontrol").chmod(0o755)
    job = {
        "SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0", "PATH": f"{tools}:{os.environ['PATH']}",
    }  # fmt: skip
    options = [
        "pii_seg.train", "--synthetic", pairs, "--output", run, "--size", "tiny", "--steps", STEPS,
        "--budget.validate-every", 5, "--data.size", 32, "--data.batch-size", 2,
        "--machine.device", "cpu", "--machine.precision", "float32", "--machine.workers", 1,
        "--machine.threads", 1, "--overwrite",
    ]  # fmt: skip
    process = start(*options, env=job)
    wait_for((run / "last.ckpt").exists, process)
    os.killpg(process.pid, signal.SIGUSR1)
    code, out, err = end(process)
    assert code == 130 and "interrupted; --resume continues" in out, err
    assert "job 4711 is requeued" in err and "Traceback" not in err
    assert (tmp_path / "asked").read_text() == "requeue 4711\n"
    reached = torch.load(run / "last.ckpt", weights_only=True)["global_step"]
    assert 5 <= reached < STEPS
    process = start(*options, env={**job, "SLURM_RESTART_COUNT": "1"})
    code, out, err = end(process)
    assert code == 0 and f"finished after {STEPS} steps" in out, err
    steps = [int(line.split(",")[0]) for line in (run / "metrics.csv").read_text().split()[1:]]
    assert steps == sorted(steps) and min(steps) <= reached  # one run, not two
    load_checkpoint(run / "best.ckpt")
    assert not list(run.glob("hpc*"))


def test_sigterm_ends_a_command_in_one_line(tmp_path: Path) -> None:
    network = build_network(SIZES["tiny"], generator=torch.Generator().manual_seed(3))
    checkpoint = tmp_path / "best.ckpt"
    save_checkpoint(checkpoint, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    photos, output = tmp_path / "photos-ü", tmp_path / "out"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    for number in range(300):
        Image.fromarray(pixels).save(photos / f"{number:03d}.png", compress_level=0)
    process = start("pii_seg.predict", photos, "--checkpoint", checkpoint, "--output", output)
    wait_for(lambda: any(output.rglob("*.png")), process)
    process.send_signal(signal.SIGTERM)
    code, _, err = end(process)
    assert code == 130 and len(err.strip().splitlines()) == 1 and "Traceback" not in err, err
    assert len(list(output.rglob("*.png"))) < 300
