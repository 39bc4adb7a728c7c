"""Print which shared libraries pip's bpy misses on this machine, and their Debian packages.

    python tools/system_libraries.py              check; exit code 1 if a library is missing
    python tools/system_libraries.py --packages   print the package names, for a script

bpy's wheel carries most of Blender's libraries but takes those of the window system from the
machine, headless or not. Without them `import bpy` fails and names only the first. Standard library
only; runs on any Python ≥ 3.9.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

# Shared object -> Debian/Ubuntu package: the libraries that `ldd` shows for bpy 4.5 and that are
# neither in its wheel nor in a bare system.
PACKAGES = {
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libxkbcommon.so.0": "libxkbcommon0",
}


def missing_libraries(binary: Path) -> list[str]:
    """List the shared objects that the loader does not find for `binary`, in ldd's order."""
    listing = subprocess.run(
        ["ldd", str(binary)], capture_output=True, text=True, check=True
    ).stdout
    return [line.split()[0] for line in listing.splitlines() if "=> not found" in line]


def advice(missing: list[str]) -> str:
    """Explain how to install the `missing` libraries."""
    packages = [PACKAGES[name] for name in missing if name in PACKAGES]
    lines = [
        f"Blender's Python module needs shared libraries that are missing: {', '.join(missing)}"
    ]
    if packages:
        lines.append(
            "On Debian or Ubuntu, run as root: "
            f"apt-get update && apt-get install -y {' '.join(packages)}"
        )
    unknown = [name for name in missing if name not in PACKAGES]
    if unknown:
        lines.append(
            f"No package is known for {', '.join(unknown)}: search for one with `apt-file search`"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--packages", action="store_true", help="Print the names of the Debian packages and exit."
    )
    if parser.parse_args().packages:
        print(" ".join(sorted(PACKAGES.values())))
        return 0
    if not sys.platform.startswith("linux"):
        return 0  # the wheels of other systems carry all libraries
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        print("bpy is not installed in this Python", file=sys.stderr)
        return 1
    missing = missing_libraries(Path(spec.origin))
    if missing:
        print(advice(missing), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
