"""The number of cores that this process may use: not that of the machine, in a container.

A scheduler restricts a process to some cores (its affinity). A container gets a share of time on
all of them instead (the quota of its control group, cgroup), which `os.cpu_count` and most
libraries overlook: with a thread for each core of the machine, they spend their share within
milliseconds and are then stopped until the next period.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_OF_PROCESS = Path("/proc/self/cgroup")


def usable_cores(environment: Mapping[str, str] | None = None) -> int:
    """Return the number of threads that can compute at the same time, at least 1.

    It is the lowest of the affinity, the quota, rounded up, and OMP_NUM_THREADS, with which users
    limit numeric programs.

    Args:
        environment: `os.environ` by default.
    """
    environment = os.environ if environment is None else environment
    quota = cgroup_quota()
    limits = [
        affinity(),
        math.ceil(quota) if quota is not None else None,
        _whole_number(environment.get("OMP_NUM_THREADS", "")),
    ]
    return max(1, min(limit for limit in limits if limit is not None))


def affinity() -> int:
    """Return the number of cores that the scheduler lets this process run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(root: Path = CGROUP_ROOT, membership: Path = CGROUP_OF_PROCESS) -> float | None:
    """Return the cores' worth of time that the control groups of this process allow.

    Every group from the process's own up to the root limits it. Inside a container the path that
    /proc names may not exist below `root`; the root is then the container's own group.

    Args:
        root: Where control groups are mounted; version 1 has a folder for each controller there.
        membership: /proc/self/cgroup: lines "ID:CONTROLLERS:PATH"; of version 2 "0::PATH".

    Returns:
        Cores, such as 1.5; None without a limit.
    """
    limits = []
    for line in _read(membership).splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon:
            continue
        if not controllers:
            limits += [_quota_v2(folder) for folder in _groups(root, path)]
        elif "cpu" in controllers.split(","):
            for mount in (root / controllers, root / "cpu"):
                limits += [_quota_v1(folder) for folder in _groups(mount, path)]
    return min((limit for limit in limits if limit is not None), default=None)


def _groups(root: Path, path: str) -> list[Path]:
    """List the folders from a group up to the root; names that lead out of it are left out."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    return [root.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]


def _quota_v2(group: Path) -> float | None:
    """Read cpu.max: "QUOTA PERIOD" in microseconds, or "max PERIOD"."""
    quota, _, period = _read(group / "cpu.max").strip().partition(" ")
    return _share(quota, period)


def _quota_v1(group: Path) -> float | None:
    """Read the two files of version 1; a quota of -1 is none."""
    return _share(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _share(quota: str, period: str) -> float | None:
    used, whole = _whole_number(quota), _whole_number(period)
    return used / whole if used and whole else None


def _whole_number(text: str) -> int | None:
    """Read a positive number; OMP_NUM_THREADS may be a list, whose first one counts."""
    text = text.split(",")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
