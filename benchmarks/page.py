"""Memory of the local page: many uploads at once, and a session of many images.

    python benchmarks/page.py

A server as `python -m pii_seg.app` starts it, with a search that finds nothing, so that what is
measured is the page's own memory. First --at-once images are uploaded at the same time, then
further ones until the session holds --images, JPEGs of --megapixels. Then all are downloaded as one
zip. The peak is that of the process, with Python and its libraries.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

SERVER = """
import sys
import numpy as np
from pii_seg.anonymize.anonymizer import Anonymizer

class Nobody:
    threshold = 0.5
    def probability(self, image):
        return np.zeros(image.shape[:2], np.float32)
    def as_record(self, *, excluded):
        return {"promise": None}

Anonymizer.load = classmethod(lambda cls, *_, **__: cls(Nobody()))
from pii_seg.app.__main__ import main
sys.exit(main(["--checkpoint", "none.ckpt", "--no-browser"]))
"""


def photo(seed: int, megapixels: float) -> bytes:
    """Make a JPEG of about the size that a phone makes."""
    height, width = (round(side * (megapixels * 1e6 / 12) ** 0.5) for side in (3, 4))
    numbers = np.random.default_rng(seed)
    coarse = numbers.integers(0, 255, (height // 9, width // 9, 3), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


class Page:
    """The running page."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        self.port, self.token = int(address.split(":")[2].split("/")[0]), address.split("/")[3]
        self.peak = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.peak = max(self.peak, self.resident())
            time.sleep(0.05)

    def resident(self) -> float:
        """Return the memory of the process now, in MB."""
        with Path(f"/proc/{self.process.pid}/status").open() as file:
            line = next((line for line in file if line.startswith("VmRSS")), "VmRSS: 0 kB")
        return int(line.split()[1]) / 1024

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, int, bytes]:
        """Return status, bytes of the answer, and its first kilobytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        connection.request(method, f"/{self.token}/{path}", body)
        answer = connection.getresponse()
        start = content = answer.read(1 << 20)
        length = 0
        while content:
            length += len(content)
            content = answer.read(1 << 20)
        return answer.status, length, start

    def wait(self) -> None:
        """Wait until every image is searched."""
        while True:
            state = b""
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
            connection.request("GET", f"/{self.token}/state")
            state = connection.getresponse().read()
            if all(one["status"] != "waiting" for one in json.loads(state)["pictures"]):
                return
            time.sleep(0.5)


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--at-once", type=int, default=100, help="uploads at once (default: 100)")
    p.add_argument("--images", type=int, default=500, help="images of the session (default: 500)")
    p.add_argument("--megapixels", type=float, default=12, help="size of each (default: 12)")
    options = p.parse_args()
    photos = [photo(seed, options.megapixels) for seed in range(4)]
    table = Table(title="Memory of the page", title_justify="left")
    for head in ("state", "images", "MB uploaded", "MB now", "peak MB", "s"):
        table.add_column(head, justify="right")
    page = Page()
    uploaded = 0

    def row(name: str, images: int, seconds: float) -> None:
        table.add_row(
            name,
            str(images),
            f"{uploaded / 1e6:.0f}",
            f"{page.resident():.0f}",
            f"{page.peak:.0f}",
            f"{seconds:.0f}",
        )

    def upload(number: int) -> int:
        return page.request("POST", f"pictures?name={number}.jpg", photos[number % 4])[0]

    row("empty", 0, 0)
    begun = time.monotonic()
    with ThreadPoolExecutor(options.at_once) as threads:
        statuses = list(threads.map(upload, range(options.at_once)))
    assert set(statuses) == {201}, statuses
    uploaded = sum(len(photos[number % 4]) for number in range(options.at_once))
    row("uploaded at once", options.at_once, time.monotonic() - begun)
    for number in range(options.at_once, options.images):
        assert upload(number) == 201
        uploaded += len(photos[number % 4])
    row("session uploaded", options.images, time.monotonic() - begun)
    assert options.images < 500 or upload(options.images) == 409  # one more
    page.wait()
    row("searched", options.images, time.monotonic() - begun)
    status, length, _ = page.request("GET", "download?style=solid")
    assert status == 200
    row(f"zip of {length / 1e6:.0f} MB", options.images, time.monotonic() - begun)
    page.process.terminate()
    page.process.wait()
    Console().print(table)


if __name__ == "__main__":
    main()
