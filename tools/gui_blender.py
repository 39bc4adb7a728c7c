"""Find or build the Blender with a window that `make test-gui` clicks in.

    python tools/gui_blender.py     find or build one, and print which it is

The exit code is 3, with the reason, if no Blender can be had. The places, in this order:

1. `$BLENDER`, the path of an executable;
2. `blender` on PATH, when it is new enough for the extension;
3. on Debian and Ubuntu, as root: Debian sid's Blender in a chroot below `.gui/`. It is built once,
   which takes some minutes and 1.2 GB, from the mirror that the machine's own apt is set to. An
   interrupted build is removed and started again.

Xvfb (a screen without a monitor) and xdotool (a pointer without a mouse) are part of the chroot;
otherwise they come from the machine's own packages. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / ".gui"
LEAST_VERSION = (4, 5)  # blender_version_min of blender_manifest.toml
UNAVAILABLE = 3  # exit code

SUITE = "sid"  # the one suite of Debian with a Blender that new
PACKAGES = (
    "blender",
    "libgl1-mesa-dri",
    "libegl1",
    "libegl-mesa0",
    "libgl1",
    # Blender's own scripts import these; the package only recommends them, and without them no
    # extension installs.
    "python3-numpy",
    "python3-requests",
    "python3-cattr",
    "python3-zstandard",
    "xvfb",
    "xdotool",
)
X_TOOLS = {"Xvfb": "xvfb", "xdotool": "xdotool"}  # executable -> Debian package


class UnavailableError(Exception):
    """No Blender with a window can be had on this machine. The message says why and what helps."""


@dataclass(frozen=True)
class Machine:
    """Where Blender and the X tools run: this machine (root is None), or a chroot in it."""

    blender: str  # the executable, as a path inside `root`
    root: Path | None = None

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words` there."""
        # The folder of chroot is not on every user's PATH.
        chroot = shutil.which("chroot") or "/usr/sbin/chroot"
        return [*([chroot, str(self.root)] if self.root else []), *words]

    @property
    def temporary(self) -> Path:
        """The folder for temporary files that both sides see, as a path of this side."""
        return (self.root or Path("/")) / "tmp"

    def inside(self, path: Path) -> str:
        """Convert a path of this side to Blender's side.

        Raises:
            ValueError: The file is outside the chroot.
        """
        return f"/{path.relative_to(self.root)}" if self.root else str(path)

    def outside(self, path: str) -> Path:
        """Convert a path of Blender's side to this side: the inverse of `inside`."""
        return self.root / path.lstrip("/") if self.root else Path(path)

    def version(self) -> tuple[int, int]:
        """Ask Blender for its version.

        Raises:
            UnavailableError: Blender does not run.
        """
        command = self.command(self.blender, "--version")
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"`{' '.join(command)}` does not run: {error}") from error
        found = re.search(r"Blender (\d+)\.(\d+)", said.stdout)
        if said.returncode != 0 or found is None:
            raise UnavailableError(
                f"`{' '.join(command)}` does not run: {said.stderr.strip() or said.stdout!r}"
            )
        return int(found[1]), int(found[2])

    def __str__(self) -> str:
        version = ".".join(map(str, self.version()))
        return f"Blender {version}: {self.blender}" + (f" in {self.root}" if self.root else "")


def find() -> Machine | None:
    """Find the machine's own Blender ($BLENDER, then PATH) or a complete chroot, else return None.

    Raises:
        UnavailableError: $BLENDER does not run or is too old.
    """
    if chosen := os.environ.get("BLENDER"):
        machine = Machine(chosen)
        if machine.version() < LEAST_VERSION:
            raise UnavailableError(
                f"$BLENDER is {machine}, but version {_dotted(LEAST_VERSION)} or later is needed"
            )
        return machine
    if on_path := shutil.which("blender"):
        machine = Machine(on_path)
        if machine.version() >= LEAST_VERSION:
            return machine
    chroot = Chroot(FOLDER / SUITE)
    return chroot.machine if chroot.is_complete() else None


def provision() -> Machine:
    """Find a Blender or build the chroot, and install the X tools that are missing.

    Raises:
        UnavailableError: With the reason.
    """
    machine = find()
    if machine is None:
        _require_apt("No Blender of version 4.5 or later is on PATH, and $BLENDER names none")
        machine = Chroot(FOLDER / SUITE).build()
    if machine.root is None:
        _install({package for tool, package in X_TOOLS.items() if shutil.which(tool) is None})
    return machine


@dataclass(frozen=True)
class Chroot:
    """A small Debian that holds Blender, in a folder."""

    root: Path

    @property
    def machine(self) -> Machine:
        return Machine("/usr/bin/blender", self.root)

    @property
    def _stamp(self) -> Path:
        return self.root / "pii-seg-packages"  # holds the list of packages that it was built with

    def is_complete(self) -> bool:
        """Whether the chroot was built to the end, with the present list of packages."""
        return self._stamp.is_file() and self._stamp.read_text(encoding="utf-8") == " ".join(
            PACKAGES
        )

    def build(self) -> Machine:
        """Build the chroot beside its final place, and move it there once its Blender runs.

        Raises:
            UnavailableError: The build failed, or its Blender is too old.
        """
        self.root.parent.mkdir(exist_ok=True)
        with _lock(self.root.parent / "lock"):
            if self.is_complete():  # by another process, while this one waited
                return self.machine
            keyring = "debian-archive-keyring"  # Ubuntu comes with its own keys only
            _install({"mmdebstrap", keyring} - _installed("mmdebstrap", keyring))
            unfinished = Chroot(self.root.with_suffix(".unfinished"))
            for leftover in (unfinished.root, self.root):
                _remove(leftover)
            print(
                f"Building {self.root}: Debian {SUITE} with Blender. "
                "This happens once and takes some minutes and 1.2 GB.",
                flush=True,
            )
            if subprocess.run(_bootstrap(unfinished.root)).returncode != 0:
                _remove(unfinished.root)
                raise UnavailableError(
                    f"Debian {SUITE} with Blender could not be built (see mmdebstrap's output)"
                )
            if unfinished.machine.version() < LEAST_VERSION:
                raise UnavailableError(
                    f"Debian {SUITE} has {unfinished.machine}, "
                    f"but version {_dotted(LEAST_VERSION)} or later is needed"
                )
            unfinished._stamp.write_text(" ".join(PACKAGES), encoding="utf-8")
            unfinished.root.rename(self.root)
        return self.machine


def _bootstrap(root: Path) -> list[str]:
    mirror = _debian_mirror()
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=essential",
        "--skip=cleanup/tmp",
        '--aptopt=Acquire::Check-Valid-Until "false"',  # a mirror may be a frozen one
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(root),
        *([mirror] if mirror else []),
    ]


def _debian_mirror() -> str | None:
    """Return the address from which this machine's apt takes Debian.

    None if the machine does not run Debian: mmdebstrap then uses Debian's own mirror.
    """
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"  # the label tells the archive from its security updates
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        origin, label, address = line.split("|", 2)
        if origin == label == "Debian":
            return address
    return None


def _require_apt(why: str) -> None:
    """Raise UnavailableError, beginning with `why`, unless this process may install packages."""
    if shutil.which("apt-get") is None:
        raise UnavailableError(
            f"{why}, and one can be built only on Debian and Ubuntu: set BLENDER to an executable"
        )
    if os.geteuid() != 0:
        raise UnavailableError(
            f"{why}, and only root can build one: set BLENDER to an executable, or run as root"
        )


def _installed(*packages: str) -> set[str]:
    """Return those of `packages` that are installed."""
    command = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    return {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}


def _install(packages: set[str]) -> None:
    """Run apt-get update and apt-get install.

    Raises:
        UnavailableError: One of them failed, or this process may not install packages.
    """
    if not packages:
        return
    names = sorted(packages)
    _require_apt(f"The packages {', '.join(names)} are not installed")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(["apt-get", *command], env=environment).returncode != 0:
            raise UnavailableError(f"`apt-get {' '.join(command)}` failed (see its output above)")


def _remove(root: Path) -> None:
    # An interrupted build may have left a file system mounted in it, which must not be emptied.
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def main() -> int:
    try:
        print(provision())
    except UnavailableError as error:
        print(f"{error}.", file=sys.stderr)
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
