"""Measure attention by scaled values against a masked attention map, as in the paper's program.

    python benchmarks/attention.py      # the largest self-attention of SD 1.5, 4096 places, on CPU
    python benchmarks/attention.py --device cuda --precision bf16

It prints time and extra memory of one attention of both kinds, in alternating rounds of one run,
and their largest difference. On a CPU, memory is the growth of the peak resident memory, measured
in one process for each kind (Linux); on a GPU, the peak of torch's allocator. There a round is many
calls in a row, after a warm-up.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from diffusion_synth.pipeline.attention import region_attention, self_weights
from diffusion_synth.pipeline.regions import Grid

ROUNDS = 5
GPU_CALLS = 20  # in a round: one call alone is too short to measure
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--batch",
        type=int,
        default=2,
        help="Number of images; guidance needs each twice (default 2).",
    )
    p.add_argument("--heads", type=int, default=8, help="Number of heads (default 8).")
    p.add_argument(
        "--side",
        type=int,
        default=64,
        help="Side of the latents; places are its square (default 64).",
    )
    p.add_argument("--width", type=int, default=40, help="Channels of a head (default 40).")
    p.add_argument(
        "--regions",
        type=int,
        default=2,
        help="Number of regions, the outside included (default 2).",
    )
    p.add_argument("--device", default="cpu")
    p.add_argument("--precision", choices=PRECISIONS, default="float32")
    p.add_argument("--threads", type=int, default=0)
    options = p.parse_args()

    ways = {"attention map": by_map, "values scaled": by_values}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    if options.threads:
        torch.set_num_threads(options.threads)
    inputs = make_inputs(options)
    on_gpu = options.device != "cpu"
    if on_gpu:
        for way in ways.values():
            time_of(way, inputs, options)  # warm-up
    for _ in range(ROUNDS):
        for name, way in ways.items():
            seconds[name].append(time_of(way, inputs, options))
    expected, found = (way(*inputs).float() for way in ways.values())
    difference = float((expected - found).abs().max() / expected.abs().max())
    del inputs, expected, found

    memory = {name: extra_memory(way, options) for name, way in ways.items()}
    places = options.side**2
    where = torch.cuda.get_device_name(options.device) if on_gpu else options.device
    unit, factor = ("ms", 1000) if on_gpu else ("s", 1)
    print(
        f"{options.batch} × {options.heads} heads, {places} places, head of {options.width}, "
        f"{options.regions} regions, {options.precision} on {where}, "
        f"{torch.get_num_threads()} threads, "
        f"median of {ROUNDS}"
    )
    for name in ways:
        taken = statistics.median(seconds[name]) * factor
        print(f"  {name:18s} {taken:8.3f} {unit}   {memory[name] / 2**20:8.0f} MB extra")
    slow, fast = (statistics.median(seconds[name]) for name in ways)
    large, small = (memory[name] for name in ways)
    print(
        f"  {slow / fast:.1f} × faster, {large / max(1, small):.0f} × less extra memory, ", end=""
    )
    print(f"largest difference {difference:.1e} of the largest value")


Inputs = tuple[Tensor, Tensor, Tensor, Grid, Tensor]


def time_of(way: Callable[..., Tensor], inputs: Inputs, options: argparse.Namespace) -> float:
    """Return the seconds of one call; on a GPU the mean of many in a row, as in a network."""
    if options.device == "cpu":
        begun = time.perf_counter()
        way(*inputs)
        return time.perf_counter() - begun
    torch.cuda.synchronize(options.device)
    begun = time.perf_counter()
    for _ in range(GPU_CALLS):
        way(*inputs)
    torch.cuda.synchronize(options.device)
    return (time.perf_counter() - begun) / GPU_CALLS


def make_inputs(options: argparse.Namespace) -> Inputs:
    """Return random queries, keys and values, the regions, and their weights."""
    draw = torch.Generator().manual_seed(0)
    size = (options.batch, options.heads, options.side**2, options.width)
    dtype = PRECISIONS[options.precision]
    query, key, value = (
        torch.randn(size, generator=draw).to(options.device, dtype) for _ in range(3)
    )
    # Persons side by side, together a quarter of the image.
    labels = torch.zeros(options.batch, options.side, options.side, dtype=torch.long)
    persons = options.regions - 1
    for person in range(persons):
        left = options.side // 4 + person * options.side // (2 * max(1, persons))
        right = options.side // 4 + (person + 1) * options.side // (2 * max(1, persons))
        labels[:, options.side // 4 : -options.side // 4, left:right] = person + 1
    grid = Grid.of(labels.to(options.device))
    cross_region_weight = torch.full((options.batch,), 0.3, device=options.device)
    return query, key, value, grid, self_weights(grid, cross_region_weight, options.regions)


def by_map(query: Tensor, key: Tensor, value: Tensor, grid: Grid, weights: Tensor) -> Tensor:
    """Attend as in the paper: one softmax, one product with the mask."""
    probabilities = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
    mask = torch.stack([of[labels] for of, labels in zip(weights, grid.labels, strict=True)])
    return (probabilities * mask[:, None].to(probabilities.dtype)) @ value


def by_values(query: Tensor, key: Tensor, value: Tensor, grid: Grid, weights: Tensor) -> Tensor:
    """Attend by scaled values."""
    return region_attention(query, key, value, grid, weights)


def extra_memory(way: Callable[..., Tensor], options: argparse.Namespace) -> int:
    """Return the bytes that one call needs in addition to its inputs."""
    if options.device != "cpu":
        inputs = make_inputs(options)
        torch.cuda.reset_peak_memory_stats(options.device)
        before = torch.cuda.memory_allocated(options.device)
        way(*inputs)
        torch.cuda.synchronize(options.device)
        return torch.cuda.max_memory_allocated(options.device) - before
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_grown, (way, options))


def _grown(way: Callable[..., Tensor], options: argparse.Namespace) -> int:
    small = argparse.Namespace(**{**vars(options), "side": 8})
    way(*make_inputs(small))  # loads kernels and starts thread pools
    inputs = make_inputs(options)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = resident("VmRSS")
    way(*inputs)
    return resident("VmHWM") - before


def resident(field: str) -> int:
    """Return this process's resident memory in bytes, now (VmRSS) or at its peak (VmHWM). Linux."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


if __name__ == "__main__":
    main()
