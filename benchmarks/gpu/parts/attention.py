"""Attention in bfloat16: speed beside a masked map and beside no mask, and equality with an oracle.

The oracle is the paper's own way, one map times the mask, in float32 on the CPU, on the same
bfloat16 inputs: what differs is arithmetic alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812

from benchmarks.attention import by_map, by_values, make_inputs
from benchmarks.gpu.job import Job, seconds_of

TOLERANCE = 0.02  # of the largest value; bfloat16 rounds to 1/256


@dataclass(frozen=True)
class Layer:
    """A self-attention of a model, by the side of its latents."""

    name: str
    heads: int
    side: int
    width: int


LAYERS = (
    Layer("SD 1.5, 4096 places", 8, 64, 40),
    Layer("SDXL at 1024 px, 4096 places", 10, 64, 64),
    Layer("SDXL at 1024 px, 1024 places", 20, 32, 64),
)
TINY = (Layer("tiny, 64 places", 2, 8, 8),)


def measure(job: Job) -> None:
    """Check and time every layer."""
    device = job.device
    layers, batch = job.size(LAYERS, TINY), job.size(4, 1)
    job.set(batch=batch, precision="bf16", regions=2, tolerance=TOLERANCE)
    for place, layer in enumerate(layers):
        equality(job, layer, str(device))
        options = inputs_of(layer, batch, str(device))
        inputs = make_inputs(options)
        query, key, value = inputs[:3]
        ways = {
            "values scaled": lambda inputs=inputs: by_values(*inputs),
            "attention map": lambda inputs=inputs: by_map(*inputs),
            "no mask": lambda q=query, k=key, v=value: F.scaled_dot_product_attention(q, k, v),
        }
        budget = job.size(min(2.0, job.left() / (len(layers) - place) / 2), 0.05) / len(ways)
        taken = {}
        for name, way in ways.items():
            way()
            taken[name] = seconds_of(way, device, budget=budget)
            job.figure(f"{layer.name}: {name}", batch / taken[name], "images/s")
        ours = taken["values scaled"]
        job.figure(f"{layer.name}: map ÷ values scaled", taken["attention map"] / ours, "×")
        job.figure(f"{layer.name}: values scaled ÷ no mask", ours / taken["no mask"], "×")


def inputs_of(layer: Layer, batch: int, device: str) -> argparse.Namespace:
    """Return the options of `benchmarks.attention.make_inputs`."""
    return argparse.Namespace(
        batch=batch, heads=layer.heads, side=layer.side, width=layer.width, regions=2,
        device=device, precision="bf16",
    )  # fmt: skip


def equality(job: Job, layer: Layer, device: str) -> None:
    """Compare one image with the oracle."""
    on_cpu = make_inputs(inputs_of(layer, 1, "cpu"))
    query, key, value, grid, weights = on_cpu
    expected = by_map(query.float(), key.float(), value.float(), grid, weights)
    found = by_values(*make_inputs(inputs_of(layer, 1, device))).float().cpu()
    largest = float((found - expected).abs().max() / expected.abs().max())
    job.check(f"{layer.name}: largest difference from the oracle", largest, TOLERANCE)
