"""Measures the faster backward pass of depthwise convolutions in a training step on a CPU.

    python benchmarks/depthwise.py                       # the default model
    python benchmarks/depthwise.py --encoder mobilenetv3_large_100 --threads 2

Prints the CPU time of forward and backward in milliseconds per view: in float32, in bfloat16 with
torch's own gradients, and in bfloat16 with `pii_seg.models.cpu_depthwise`. The rounds alternate, so
that other work of the machine affects all alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack

import torch

from pii_seg.config import ModelConfig
from pii_seg.models.cpu_depthwise import fast_depthwise
from pii_seg.models.networks import build_network

CPU = torch.device("cpu")
WAYS = {
    "float32": (False, False),
    "bfloat16": (True, False),
    "bfloat16, pii_seg.models.cpu_depthwise": (True, True),
}


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--encoder", default=ModelConfig.encoder)
    p.add_argument("--decoder", default=ModelConfig.decoder)
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--batch-size", type=int, default=8)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=1)
    options = p.parse_args()
    torch.set_num_threads(options.threads)

    config = ModelConfig(encoder=options.encoder, decoder=options.decoder, weights="none")
    network = build_network(config, generator=torch.Generator().manual_seed(0))
    network.to(memory_format=torch.channels_last)
    batch = torch.randn(options.batch_size, 3, options.size, options.size)
    batch = batch.contiguous(memory_format=torch.channels_last)

    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.rounds + 1):
        for way, (bfloat16, fast) in WAYS.items():
            start = time.process_time()
            with ExitStack() as within:
                if bfloat16:
                    within.enter_context(torch.autocast("cpu", torch.bfloat16))
                if fast:
                    within.enter_context(fast_depthwise(CPU))
                logits = network(batch)
            network.zero_grad()
            logits.float().square().mean().backward()
            spent[way].append((time.process_time() - start) / options.batch_size * 1000)
    # The first round warms up.
    middle = {way: statistics.median(times[1:]) for way, times in spent.items()}
    print(f"{options.encoder}/{options.decoder}, {options.size} px, {options.threads} threads")
    for way, milliseconds in middle.items():
        print(
            f"  {way:30s} {milliseconds:7.1f} ms per view   {milliseconds / middle['bfloat16']:.2f}"
        )


if __name__ == "__main__":
    main()
