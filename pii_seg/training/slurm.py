"""Training under SLURM: a job that is about to end is requeued, and continues where it was.

Lightning has a way of its own: it writes hpc_ckpt_1.ckpt beside the run, and any later training in
that folder continues from it, whatever it was asked for. That is switched off. Here the state is
RUN/last.ckpt, as for every other end of a run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from blender_addon.dataset import write_atomically

JOB = ".slurm_job"

log = logging.getLogger(__name__)


def job_id() -> str | None:
    """The number of the SLURM job that this process belongs to, as scontrol takes it."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")
    return job if re.fullmatch(r"\d{1,18}(_\d{1,18})?", job) else None


def write_job(output: Path) -> None:
    """Record the job that trains in `output`."""
    if job := job_id():
        write_atomically(output / JOB, job.encode())


def is_requeued(output: Path) -> bool:
    """Whether SLURM has started this job again, and the run in `output` is its own."""
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    if not (restarts.isdigit() and int(restarts) > 0) or job_id() is None:
        return False
    try:
        return (output / JOB).read_text(encoding="utf-8") == job_id()
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def requeued_on_signal() -> Iterator[None]:
    """End on SIGUSR1 as on SIGTERM, and let SLURM start the job again. Only within a job.

    SLURM sends the signal some time before the end with `#SBATCH --signal=USR1@120`.
    """
    if job_id() is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    asked, process = [], os.getpid()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:  # a process that loads data has this handler too
            asked.append(number)
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGUSR1, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
        if asked and os.environ.get("SLURM_PROCID", "0") == "0":
            requeue()


def requeue() -> None:
    """Ask SLURM to start this job again."""
    job = job_id()
    try:
        done = subprocess.run(
            ["scontrol", "requeue", str(job)], check=False, capture_output=True, timeout=60
        )
        failure = "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace").strip()
        failed = done.returncode != 0
    except (OSError, subprocess.SubprocessError) as error:
        failure, failed = str(error), True
    if failed:
        log.error(
            "job %s was not requeued (%s); submit it again, with --resume", job, failure or "failed"
        )
    else:
        log.warning("job %s is requeued, and will continue", job)
