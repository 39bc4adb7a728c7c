"""The Blender with a window that `make test-gui` clicks in: finds one, or builds one.

    python tools/gui_blender.py     provision, and say which Blender it is; exit code 3 and why if none can be had

In this order:

1. `$BLENDER`, the path of an executable;
2. `blender` on PATH, when it is new enough for the extension;
3. on Debian and Ubuntu, as root: Debian sid's Blender in a chroot below `.gui/` (once; some minutes, 1.2 GB). It comes
   from the mirror that the machine's own apt is set to. An interrupted build is thrown away and begun again.

Xvfb (a screen without a monitor) and xdotool (a pointer without a mouse) come along in the chroot, otherwise from the
machine's own packages. Standard library only.
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
    # What Blender's own scripts import; the package only recommends them, and without them no extension installs.
    "python3-numpy",
    "python3-requests",
    "python3-cattr",
    "python3-zstandard",
    "xvfb",
    "xdotool",
)
X_TOOLS = {"Xvfb": "xvfb", "xdotool": "xdotool"}  # executable -> Debian package


class UnavailableError(Exception):
    """No Blender with a window can be had on this machine. The message says why, and what would help."""


@dataclass(frozen=True)
class Machine:
    """Where Blender and the X tools run: this machine (root is None), or a chroot in it."""

    blender: str  # the executable, as a path inside `root`
    root: Path | None = None

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words` there."""
        chroot = (
            shutil.which("chroot") or "/usr/sbin/chroot"
        )  # where it stands is not on everybody's PATH
        return [*([chroot, str(self.root)] if self.root else []), *words]

    @property
    def temporary(self) -> Path:
        """The folder for temporary files that both sides see, as a path of this side."""
        return (self.root or Path("/")) / "tmp"

    def inside(self, path: Path) -> str:
        """The path by which Blender knows the file that is `path` here. Raises ValueError if it cannot see it."""
        return f"/{path.relative_to(self.root)}" if self.root else str(path)

    def outside(self, path: str) -> Path:
        """The inverse of `inside`."""
        return self.root / path.lstrip("/") if self.root else Path(path)

    def version(self) -> tuple[int, int]:
        """Blender's version. Raises UnavailableError when it does not run."""
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
    """The machine's own Blender ($BLENDER, then PATH) or the chroot built before; None if there is none yet."""
    if chosen := os.environ.get("BLENDER"):
        machine = Machine(chosen)
        if machine.version() < LEAST_VERSION:
            raise UnavailableError(
                f"$BLENDER is {machine}, and {_dotted(LEAST_VERSION)} is the least that will do"
            )
        return machine
    if on_path := shutil.which("blender"):
        machine = Machine(on_path)
        if machine.version() >= LEAST_VERSION:
            return machine
    chroot = Chroot(FOLDER / SUITE)
    return chroot.machine if chroot.is_complete() else None


def provision() -> Machine:
    """`find`, else build the chroot; with the X tools. Raises UnavailableError with the reason."""
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
        return self.root / "pii-seg-packages"  # what it was built of: another list, another build

    def is_complete(self) -> bool:
        """Whether a build of the present list of packages came to its end."""
        return self._stamp.is_file() and self._stamp.read_text(encoding="utf-8") == " ".join(
            PACKAGES
        )

    def build(self) -> Machine:
        """Make it anew, beside its final place; takes it only when Blender runs. Raises UnavailableError."""
        self.root.parent.mkdir(exist_ok=True)
        with _lock(self.root.parent / "lock"):
            if self.is_complete():  # by another process, while this one waited
                return self.machine
            keyring = "debian-archive-keyring"  # an Ubuntu has its own only
            _install({"mmdebstrap", keyring} - _installed("mmdebstrap", keyring))
            unfinished = Chroot(self.root.with_suffix(".unfinished"))
            for leftover in (unfinished.root, self.root):
                _remove(leftover)
            print(
                f"Building {self.root}: Debian {SUITE} with Blender. Once; some minutes, 1.2 GB.",
                flush=True,
            )
            if subprocess.run(_bootstrap(unfinished.root)).returncode != 0:
                _remove(unfinished.root)
                raise UnavailableError(
                    f"Debian {SUITE} with Blender could not be built (mmdebstrap's words above)"
                )
            if unfinished.machine.version() < LEAST_VERSION:
                raise UnavailableError(f"Debian {SUITE} has only {unfinished.machine}")
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
    """Where this machine's apt takes Debian from; None on one that is not Debian: mmdebstrap knows Debian's own."""
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"  # the label tells the archive from its security updates
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        origin, label, address = line.split("|", 2)
        if origin == label == "Debian":
            return address
    return None


def _require_apt(why: str) -> None:
    """Raises UnavailableError, beginning with `why`, unless this process may install packages."""
    if shutil.which("apt-get") is None:
        raise UnavailableError(
            f"{why}, and only on Debian and Ubuntu can one be built: set BLENDER to an executable"
        )
    if os.geteuid() != 0:
        raise UnavailableError(
            f"{why}, and only root can build one: set BLENDER to an executable, or run as root"
        )


def _installed(*packages: str) -> set[str]:
    """Those of `packages` that dpkg has."""
    command = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    return {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}


def _install(packages: set[str]) -> None:
    """apt-get install, after apt-get update. Raises UnavailableError."""
    if not packages:
        return
    names = sorted(packages)
    _require_apt(f"The packages {', '.join(names)} are not installed")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(["apt-get", *command], env=environment).returncode != 0:
            raise UnavailableError(f"`apt-get {' '.join(command)}` failed (its words above)")


def _remove(root: Path) -> None:
    # Never into a file system that an interrupted build may have left mounted in it.
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
