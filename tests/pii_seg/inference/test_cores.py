"""Limits of control groups, on files that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from pii_seg.inference import cores
from pii_seg.inference.cores import cgroup_quota, usable_cores


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),  # the root of a machine has no such file
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000"}, 4.0),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, 0.5),
        # in a container, where the host's path of the group does not exist
        ("0::/docker/f00\n", {"cpu.max": "200000 100000"}, 2.0),
        ("0::/../../other\n", {"cpu.max": "200000 100000"}, 2.0),
        (
            "4:memory:/m\n3:cpu,cpuacct:/job\n",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("2:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1", "cpuset/cpu.cfs_period_us": "1"}, None),
        # damaged: no limit rather than none that is right
        ("0::/\n", {"cpu.max": "many of them"}, None),
        ("0::/\n", {"cpu.max": "100000 0"}, None),
        ("nonsense", {"cpu.max": "100000 100000"}, None),
    ],
)
def test_quotas_of_both_versions(
    tmp_path: Path, membership: str, files: dict[str, str], expected: float | None
) -> None:
    root = write(tmp_path / "cgroup", files) if files else tmp_path / "nowhere"
    given = tmp_path / "membership"
    given.write_text(membership)
    assert cgroup_quota(root, given) == expected


def test_without_control_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("affinity", "quota", "threads", "expected"),
    [
        (8, None, "", 8),
        (8, 1.5, "", 2),  # one thread would leave a third of the time unused
        (2, 16.0, "", 2),
        (8, 0.2, "", 1),
        (8, None, "3", 3),
        (8, None, "4,2", 4),
        (8, None, "0", 8),
        (8, None, "all", 8),
    ],
)
def test_the_lowest_limit_counts(
    monkeypatch: pytest.MonkeyPatch,
    affinity: int,
    quota: float | None,
    threads: str,
    expected: int,
) -> None:
    monkeypatch.setattr(cores, "affinity", lambda: affinity)
    monkeypatch.setattr(cores, "cgroup_quota", lambda: quota)
    assert usable_cores({"OMP_NUM_THREADS": threads}) == expected
