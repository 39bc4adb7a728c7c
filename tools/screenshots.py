"""Make the images of docs/blender.md from the screenshots of the GUI tests: `make screenshots`.

python tools/screenshots.py      build/gui/NN_name.png -> docs/images/blender_name.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
TAKEN = REPOSITORY / "build" / "gui"
DOCUMENTATION = REPOSITORY / "docs" / "images"
QUALITY = 88  # of JPEG: letters stay clean

WINDOW = (0, 0, 1440, 900)
# Name of the image -> the part of the window that is shown: left, top, right, bottom.
IMAGES = {
    "scene": WINDOW,
    "preview": WINDOW,
    "people": WINDOW,
    "batch": WINDOW,
    "preferences": (100, 60, 980, 630),
}


def main() -> int:
    for name, part in IMAGES.items():
        taken = list(TAKEN.glob(f"[0-9]*_{name}.png"))
        if len(taken) != 1:
            print(
                f"{TAKEN}: expected 1 image {name}, got {len(taken)}; run `make test-gui` first",
                file=sys.stderr,
            )
            return 1
        image = Image.open(taken[0]).convert("RGB").crop(part)
        image.save(DOCUMENTATION / f"blender_{name}.jpg", quality=QUALITY, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
