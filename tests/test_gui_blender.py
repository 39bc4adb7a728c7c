"""tools/gui_blender.py: which Blender it takes, and that a chroot is complete or absent.

Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import gui_blender
from tools.gui_blender import Chroot, Machine, UnavailableError


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is no Blender (in $BLENDER, on PATH or in a chroot), that the user is root
    and that Debian's tools are installed.
    """
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("BLENDER", raising=False)
    monkeypatch.setattr(gui_blender, "FOLDER", tmp_path / "gui")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    executable(tmp_path / "bin" / "apt-get", "exit 0")
    executable(tmp_path / "bin" / "dpkg-query", 'for p in "$@"; do echo "$p installed"; done')
    monkeypatch.setattr(
        gui_blender.shutil,
        "which",
        _which_without_the_machines_blender(gui_blender.shutil.which, tmp_path),
    )


def _which_without_the_machines_blender(which, folder: Path):
    def found(name: str) -> str | None:
        path = which(name)
        return path if name != "blender" or (path and Path(path).is_relative_to(folder)) else None

    return found


def executable(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def blender(path: Path, version: str) -> Path:
    return executable(path, f"echo 'Blender {version} LTS'; echo '  build date: today'")


# -- which one -------------------------------------------------------------------------------------


def test_the_one_in_the_environment_is_taken_before_the_one_on_path(tmp_path, monkeypatch):
    blender(tmp_path / "bin" / "blender", "5.2.2")
    monkeypatch.setenv("BLENDER", str(blender(tmp_path / "mine", "4.5.15")))
    found = gui_blender.find()
    assert found == Machine(str(tmp_path / "mine"))
    assert found.version() == (4, 5)


def test_a_blender_on_path_that_is_too_old_is_passed_over(tmp_path):
    path = blender(tmp_path / "bin" / "blender", "4.3.2")
    assert gui_blender.find() is None
    blender(path, "5.2.2")
    assert gui_blender.find() == Machine(str(path))


def test_an_old_one_in_the_environment_is_an_error_and_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("BLENDER", str(blender(tmp_path / "mine", "3.4.1")))
    with pytest.raises(
        UnavailableError,
        match=r"\$BLENDER is Blender 3\.4: .*mine, but version 4\.5 or later is needed",
    ):
        gui_blender.provision()


@pytest.mark.parametrize("script", ["echo 'cannot open display' >&2; exit 1", "echo hello"])
def test_what_is_not_blender_is_an_error_that_says_so(tmp_path, monkeypatch, script):
    monkeypatch.setenv("BLENDER", str(executable(tmp_path / "mine", script)))
    with pytest.raises(
        UnavailableError, match=r"mine --version` does not run: .*(cannot open display|hello)"
    ):
        gui_blender.find()


def test_a_path_that_is_not_there_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("BLENDER", str(tmp_path / "nowhere"))
    with pytest.raises(UnavailableError, match="nowhere"):
        gui_blender.find()


def test_without_root_the_reason_says_what_helps(monkeypatch, capsys):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert gui_blender.main() == gui_blender.UNAVAILABLE
    said = capsys.readouterr().err
    assert "No Blender of version 4.5 or later" in said
    assert "set BLENDER to an executable, or run as root" in said


def test_where_there_is_no_apt_the_reason_says_so(monkeypatch):
    monkeypatch.setattr(gui_blender.shutil, "which", lambda name: None)
    with pytest.raises(UnavailableError, match="can be built only on Debian and Ubuntu"):
        gui_blender.provision()


def test_x_tools_that_are_absent_are_installed_beside_a_blender_of_the_machines_own(
    tmp_path, monkeypatch
):
    blender(tmp_path / "bin" / "blender", "5.2.2")
    executable(tmp_path / "bin" / "xdotool", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    calls = tmp_path / "calls"
    executable(tmp_path / "bin" / "apt-get", f'echo "$@" >> {calls}')
    gui_blender.provision()
    assert calls.read_text().splitlines() == [
        "update",
        "install --yes --no-install-recommends xvfb",
    ]


# -- paths of both sides ---------------------------------------------------------------------------


def test_paths_go_into_the_chroot_and_back(tmp_path):
    machine = Machine("/usr/bin/blender", tmp_path)
    assert machine.inside(tmp_path / "tmp" / "a.zip") == "/tmp/a.zip"
    assert machine.outside("/tmp/a.zip") == machine.temporary / "a.zip"
    with pytest.raises(ValueError, match="subpath"):
        machine.inside(Path("/elsewhere/a.zip"))


def test_without_a_chroot_paths_stay_as_they_are(tmp_path):
    machine = Machine("/usr/bin/blender")
    assert machine.outside(machine.inside(tmp_path)) == tmp_path
    assert machine.command("ls", "/") == ["ls", "/"]


# -- building --------------------------------------------------------------------------------------


@pytest.fixture
def chroot(tmp_path, monkeypatch) -> Chroot:
    monkeypatch.setattr(Machine, "version", lambda self: (5, 2))
    return Chroot(tmp_path / "gui" / "sid")


def bootstrap(tmp_path: Path, script: str) -> Path:
    """Write a stand-in for mmdebstrap: it logs its arguments, then runs `script` with the folder to
    fill as $root.
    """
    calls = tmp_path / "bootstraps"
    find_root = 'for root in "$@"; do case $root in */sid.unfinished) break;; esac; done'
    executable(tmp_path / "bin" / "mmdebstrap", f'echo "$@" >> {calls}\n{find_root}\n{script}')
    return calls


def test_a_chroot_is_built_once_and_found_again(tmp_path, chroot):
    calls = bootstrap(tmp_path, 'mkdir -p "$root/usr"')
    assert (
        gui_blender.provision() == gui_blender.find() == gui_blender.provision() == chroot.machine
    )
    (call,) = calls.read_text().splitlines()
    assert "blender," in call
    assert "xdotool" in call
    assert (chroot.root / "usr").is_dir()


def test_what_an_interrupted_build_left_is_removed(tmp_path, chroot):
    leftover = tmp_path / "gui" / "sid.unfinished" / "half"
    leftover.mkdir(parents=True)
    bootstrap(tmp_path, 'mkdir "$root"')  # fails if the folder is still there
    chroot.build()
    assert not (chroot.root / "half").exists()
    assert not leftover.exists()


def test_a_failed_build_leaves_nothing_and_says_so(tmp_path, chroot):
    bootstrap(tmp_path, 'mkdir -p "$root/usr"; exit 25')
    with pytest.raises(UnavailableError, match="could not be built"):
        gui_blender.provision()
    assert gui_blender.find() is None
    assert [path.name for path in (tmp_path / "gui").iterdir()] == ["lock"]


def test_a_chroot_of_other_packages_is_built_anew(tmp_path, chroot, monkeypatch):
    bootstrap(tmp_path, 'mkdir -p "$root"')
    chroot.build()
    (chroot.root / "old").touch()
    monkeypatch.setattr(gui_blender, "PACKAGES", ("blender", "another"))
    assert not chroot.is_complete()
    chroot.build()
    assert not (chroot.root / "old").exists()


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        (
            "Debian|Debian-Security|http://mirror.example/security/\n"
            "Debian|Debian|http://mirror.example/debian/",
            "debian/",
        ),
        ("Ubuntu|Ubuntu|http://mirror.example/ubuntu/", None),
        ("", None),
    ],
)
def test_the_mirror_is_the_one_of_the_machines_apt(tmp_path, chroot, targets, mirror):
    executable(
        tmp_path / "bin" / "apt-get", f"cat <<'END'\n{targets}\nEND" if targets else "exit 0"
    )
    calls = bootstrap(tmp_path, 'mkdir -p "$root"')
    chroot.build()
    last = calls.read_text().split()[-1]
    assert last == (
        f"http://mirror.example/{mirror}" if mirror else str(chroot.root) + ".unfinished"
    )
