"""tools/system_libraries.py: what it says when the machine lacks a library that bpy links."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[1] / "tools" / "system_libraries.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("system_libraries", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LDD_OUTPUT = """\
\tlinux-vdso.so.1 (0x00007ffd)
\tlibXi.so.6 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
\tlibstrange.so.2 => not found
"""


def test_only_what_the_loader_misses_is_listed(
    tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "ldd"
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{LDD_OUTPUT}END\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tool.missing_libraries(Path("any.so")) == ["libXi.so.6", "libstrange.so.2"]


def test_advice_names_the_library_the_package_and_the_command(tool) -> None:
    said = tool.advice(["libXi.so.6", "libstrange.so.2"])
    assert "apt-get install -y libxi6\n" in said
    assert "No package is known for libstrange.so.2" in said
    assert "libXi.so.6, libstrange.so.2" in said


def test_packages_option_lists_what_ci_installs(tool, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["system_libraries.py", "--packages"])
    assert tool.main() == 0
    assert {"libgl1", "libxi6", "libxkbcommon0"} <= set(capsys.readouterr().out.split())
