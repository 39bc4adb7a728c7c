"""Compare what a camera leaves in renders with what it leaves in photographs, by numbers.

    python benchmarks/sensor.py --photos DIR [DIR …] --renders DIR [DIR …]
    python benchmarks/sensor.py --photos DIR --renders DIR --size 256

Noise and its spectrum are measured in the flattest tiles of each image, widths and halos on steps
between two plateaus. The table has the 10th percentile, median and 90th percentile of photographs
and of renders, and the share of renders that lie between the 5th and 95th percentile of the
photographs (0.9 where both are alike). With --size, all images are reduced to that shorter side
first, since reducing takes out noise and blur.
"""

from __future__ import annotations

import argparse
import itertools
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

Plane = NDArray[np.float32]

TILE = 16  # px
FLATTEST = 0.04  # share of the tiles that noise is measured in
REACH = 6  # px on either side of a step
STEP = 40  # of 255; the least height of a step
ENDINGS = (".jpg", ".jpeg", ".png")
BANDS = ("lowest", "low", "high", "highest")  # quarters of the frequencies up to half a cycle a px


def main() -> None:
    """Measure two sets of images and print the table."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR")
    p.add_argument("--renders", nargs="+", type=Path, required=True, metavar="DIR")
    p.add_argument("--size", type=int, default=0, help="shorter side, px (default: as they are)")
    p.add_argument("--count", type=int, default=200, help="images of each set (default: 200)")
    options = p.parse_args()
    photos = measure_all(options.photos, options.size, options.count)
    renders = measure_all(options.renders, options.size, options.count)
    table = Table(title=f"{len(photos)} photographs, {len(renders)} renders", title_justify="left")
    for head in ("", "photos 10 %", "50 %", "90 %", "renders 10 %", "50 %", "90 %", "inside"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    for name in photos[0]:
        real, made = (np.array([one[name] for one in all_]) for all_ in (photos, renders))
        real, made = real[np.isfinite(real)], made[np.isfinite(made)]
        cells = [f"{v:.3g}" for part in (real, made) for v in percentiles(part, 10, 50, 90)]
        low, high = percentiles(real, 5, 95)
        table.add_row(name, *cells, f"{np.mean((made >= low) & (made <= high)):.2f}")
    Console(width=130).print(table)


def percentiles(values: NDArray[np.floating], *shares: float) -> NDArray[np.floating]:
    """Percentiles of some numbers; not a number where there are none."""
    return np.percentile(values, shares) if len(values) else np.full(len(shares), np.nan)


def measure_all(folders: list[Path], size: int, count: int) -> list[dict[str, float]]:
    """Measure at most `count` images of some folders, spread over all of them."""
    files = sorted(f for folder in folders for f in folder.iterdir() if f.suffix.lower() in ENDINGS)
    if not files:
        raise SystemExit(f"no image in {', '.join(map(str, folders))}")
    files = random.Random(0).sample(files, min(count, len(files)))
    return [measure(read(file, size)) for file in files]


def read(file: Path, size: int) -> NDArray[np.float32]:
    """An image (H, W, 3) float32, 0..255, its shorter side at most `size` px unless that is 0."""
    with Image.open(file) as opened:
        image = opened.convert("RGB")
        scale = size / min(image.size) if size else 1.0
        if scale < 1:
            new = (round(image.width * scale), round(image.height * scale))
            image = image.resize(new, Image.Resampling.BOX, reducing_gap=None)
        return np.asarray(image, np.float32)


def measure(rgb: NDArray[np.float32]) -> dict[str, float]:
    """All figures of one image (H, W, 3), 0..255."""
    luma = rgb @ np.float32([0.299, 0.587, 0.114])
    chroma = (rgb[..., 2] - luma) * 0.564, (rgb[..., 0] - luma) * 0.713
    largest, smallest = rgb.max(-1), rgb.min(-1)
    saturation = (largest - smallest) / np.maximum(largest, 1)
    return {
        **noise(luma, chroma),
        **steps(luma),
        "luminance, 1 % of pixels below": float(np.percentile(luma, 1)),
        "luminance, median": float(np.median(luma)),
        "luminance, 99 % of pixels below": float(np.percentile(luma, 99)),
        "share burnt (250 or more)": float((luma >= 250).mean()),
        "share black (5 or less)": float((luma <= 5).mean()),
        "saturation, mean": float(saturation.mean()),
        "saturation, 95 % of pixels below": float(np.percentile(saturation, 95)),
        "slope of the whole image's spectrum": slope(luma),
        "edges of 8 px blocks": blocks(luma),
    }


def noise(luma: Plane, chroma: tuple[Plane, Plane]) -> dict[str, float]:
    """Strength, correlation and spectrum of what is left of the flattest tiles without their
    planes.
    """
    tiles = cut(luma)
    colours = [cut(plane) for plane in chroma]
    mean = tiles.mean((1, 2))
    usable = (mean > 25) & (mean < 230) & (tiles.max((1, 2)) < 250) & (tiles.min((1, 2)) > 3)
    coarse = tiles.reshape(-1, 4, TILE // 4, 4, TILE // 4).mean((2, 4)).std((1, 2))
    coarse = coarse + sum(  # changes of colour are no noise, either
        c.reshape(-1, 4, TILE // 4, 4, TILE // 4).mean((2, 4)).std((1, 2)) for c in colours
    )
    order = np.argsort(np.where(usable, coarse, np.inf), kind="stable")
    chosen = order[: max(4, int(FLATTEST * len(order)))]
    chosen = chosen[usable[chosen]]
    if not len(chosen):
        return dict.fromkeys(NOISE, float("nan"))
    left = without_planes(tiles[chosen])
    tints = [without_planes(c[chosen]) for c in colours]
    strength, tint = left.std(), np.mean([t.std() for t in tints])
    shares = spectrum(left)
    values = [strength, tint, tint / max(strength, 1e-3), lag(left)]
    values += [np.mean([lag(t) for t in tints]), *shares]
    return dict(zip(NOISE, map(float, values), strict=True))


NOISE = (
    "noise of luma, of 255",
    "noise of chroma, of 255",
    "noise, chroma ÷ luma",
    "correlation of luma with the next pixel",
    "correlation of chroma with the next pixel",
    *(f"share of luma noise, {band} frequencies" for band in BANDS),
)


def cut(plane: Plane) -> Plane:
    """The whole tiles (N, TILE, TILE) of a plane."""
    height, width = (side // TILE * TILE for side in plane.shape)
    tiles = plane[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE)
    return tiles.swapaxes(1, 2).reshape(-1, TILE, TILE)


def without_planes(tiles: Plane) -> Plane:
    """Tiles less the quadratic surface that fits each best."""
    y, x = np.mgrid[-1 : 1 : TILE * 1j, -1 : 1 : TILE * 1j]
    basis, _ = np.linalg.qr(
        np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, 6)
    )
    flat = tiles.reshape(len(tiles), -1)
    return (flat - flat @ basis @ basis.T).reshape(tiles.shape).astype(np.float32)


def lag(tiles: Plane) -> float:
    """Correlation of a pixel with its neighbours to the right and below."""
    power = float((tiles**2).mean())
    across = (tiles[:, :, 1:] * tiles[:, :, :-1]).mean() + (tiles[:, 1:] * tiles[:, :-1]).mean()
    return float(across) / 2 / power if power > 1e-4 else float("nan")


def spectrum(tiles: Plane) -> list[float]:
    """Mean power in each of BANDS, as shares of their sum; white noise has a quarter in each."""
    window = np.hanning(TILE)[:, None] * np.hanning(TILE)
    power = (np.abs(np.fft.fft2(tiles * window)) ** 2).mean(0)
    frequency = np.fft.fftfreq(TILE)
    radius = np.hypot(frequency[:, None], frequency)
    mean = [power[(radius > b / 8) & (radius <= (b + 1) / 8)].mean() for b in range(4)]
    return [float(m / max(sum(mean), 1e-9)) for m in mean]


def steps(luma: Plane) -> dict[str, float]:
    """Width and overshoot of steps between two plateaus, along rows and columns."""
    profiles = np.concatenate([profiles_of(luma), profiles_of(luma.T)])
    names = ("width of steps, px", "overshoot of steps", "gradient, 99.5 % of pixels below")
    gradient = float(np.percentile(np.abs(np.diff(luma, axis=1)), 99.5))
    if len(profiles) < 8:
        return dict(zip(names, (float("nan"), float("nan"), gradient), strict=True))
    # Plateaus without the two pixels next to the step, where a halo would be.
    low, high = profiles[:, : REACH - 3].mean(1), profiles[:, REACH + 5 :].mean(1)
    share = (profiles - low[:, None]) / (high - low)[:, None]
    inner = share[:, 1:-1]
    over = np.maximum(inner.max(1) - 1, -inner.min(1))
    width = 1.0 / np.maximum(np.abs(np.diff(share, axis=1)).max(1), 1e-3)
    return dict(
        zip(names, (float(np.median(width)), float(np.median(over)), gradient), strict=True)
    )


def profiles_of(luma: Plane) -> Plane:
    """Profiles (N, 2·REACH + 2) across clean steps of the rows, dark side first."""
    change = np.diff(luma, axis=1)
    size = np.abs(change)
    best = size[:, REACH:-REACH] if luma.shape[1] > 2 * REACH + 2 else size[:, :0]
    if not best.size:
        return np.zeros((0, 2 * REACH + 2), np.float32)
    wide = np.lib.stride_tricks.sliding_window_view(size, 2 * REACH + 1, axis=1)
    rows, columns = np.nonzero((best > STEP / 4) & (best >= wide.max(-1)))
    if len(rows) > 20000:
        keep = np.linspace(0, len(rows) - 1, 20000).astype(int)
        rows, columns = rows[keep], columns[keep]
    columns = columns[:, None] + np.arange(2 * REACH + 2)
    profiles = luma[rows[:, None], columns]
    rising = profiles[:, -1] > profiles[:, 0]
    profiles = np.where(rising[:, None], profiles, profiles[:, ::-1])
    left, right = profiles[:, : REACH - 3], profiles[:, REACH + 5 :]
    step = right.mean(1) - left.mean(1)
    clean = (np.ptp(left, axis=1) < 0.08 * step) & (np.ptp(right, axis=1) < 0.08 * step)
    clean &= (step > STEP) & (right.max(1) < 245) & (left.min(1) > 8)
    return profiles[clean]


def slope(luma: Plane) -> float:
    """Exponent with which power falls with frequency, between 1/64 and 0.4 cycles a pixel."""
    side = min(luma.shape)
    top, left = ((n - side) // 2 for n in luma.shape)
    square = luma[top : top + side, left : left + side]
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = np.abs(np.fft.rfft2((square - square.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    edges = np.geomspace(1 / 64, 0.4, 9)
    middle = np.sqrt(edges[1:] * edges[:-1])
    mean = [power[(radius >= a) & (radius < b)].mean() for a, b in itertools.pairwise(edges)]
    return float(np.polyfit(np.log(middle), np.log(np.maximum(mean, 1e-6)), 1)[0])


def blocks(luma: Plane) -> float:
    """Second difference across the edges of JPEG's blocks ÷ the one elsewhere; 1: no blocks."""
    bend = np.abs(luma[:, :-3] - 3 * luma[:, 1:-2] + 3 * luma[:, 2:-1] - luma[:, 3:])
    at_edge = np.arange(bend.shape[1]) % 8 == 6
    return float(bend[:, at_edge].mean() / max(bend[:, ~at_edge].mean(), 1e-3))


if __name__ == "__main__":
    main()
