"""Measures whether the loader keeps up with the network.

    python benchmarks/loading.py RENDERS [--backgrounds PHOTOS]
    python benchmarks/loading.py RENDERS --encoder plain --width 16 --batches 60

Prints images/s of the loader alone (default augmentation; with --backgrounds every third view is a
photo with pasted people), of training steps alone (on one batch, repeatedly), and of training steps
on loaded batches. The last ÷ the second is 1 where loading costs nothing. Then it prints the cost
of each augmentation factor.

On few cores the loader's worker and the network's threads compete, and other work disturbs the
rates. Then the CPU time of a view ÷ that of its training step counts, which holds on a busy machine
too.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import torch

from pii_seg.augmentation_config import AUGMENTATION_FACTORS, AugmentationConfig
from pii_seg.config import ModelConfig
from pii_seg.data.augmentation import augment
from pii_seg.data.copy_paste import CutOutBank
from pii_seg.data.datamodule import LoaderConfig, SegmentationDataModule, WeightedSource, collate
from pii_seg.data.random_streams import Streams
from pii_seg.data.sources import PersonFree, open_source
from pii_seg.models.cpu_depthwise import fast_depthwise
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

WARM_UP = 5  # batches: caches, workers and memory pools fill
ROUNDS = 3  # other work of the machine varies: the median of rounds that alternate


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("renders", type=Path)
    p.add_argument("--backgrounds", type=Path, help="photos without people, to paste onto")
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--batch-size", type=int, default=8)
    p.add_argument("--batches", type=int, default=30, help="in each measurement")
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--memory-mb", type=int, default=0)
    p.add_argument("--threads", type=int, default=0, help="of the network; 0: torch's choice")
    p.add_argument("--encoder", default=ModelConfig.encoder)
    p.add_argument("--decoder", default=ModelConfig.decoder)
    p.add_argument("--width", type=int, default=ModelConfig.width)
    p.add_argument("--device", default="cpu")
    options = p.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    data = make_data(options)
    batches = endless(data)
    step = make_step(options)
    fixed = next(batches)
    for _ in range(WARM_UP):
        step(next(batches))

    rates: dict[str, list[float]] = {"loader alone": [], "training alone": [], "both": []}
    training_ms = []
    for _ in range(ROUNDS):
        rates["loader alone"].append(rate(lambda: next(batches), options))
        spent = time.process_time()
        rates["training alone"].append(rate(lambda: step(fixed), options))
        steps = options.batches + WARM_UP
        training_ms.append((time.process_time() - spent) / (steps * options.batch_size) * 1000)
        rates["both"].append(rate(lambda: step(next(batches)), options))

    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"{options.encoder}/{options.decoder} {options.width}, {options.size} px, "
        f"batch {options.batch_size}, ",
        end="",
    )
    print(f"{options.workers} worker, {torch.get_num_threads()} threads, median of {ROUNDS}")
    for name, value in middle.items():
        print(f"  {name:<16}{value:8.1f} images/s")
    print(f"  both ÷ training {middle['both'] / middle['training alone']:8.2f}")
    print(f"  loader ÷ training {middle['loader alone'] / middle['training alone']:6.2f}")
    loading = loading_ms(data)
    training = statistics.median(training_ms)
    print(
        f"  CPU ms per view   loading {loading:.2f}, training {training:.1f}: "
        f"{loading / training:.1%} on top"
    )
    print_factors(options)


def loading_ms(data: SegmentationDataModule, views: int = 128) -> float:
    """Return the CPU time of one view of the mixture in this process, including decoding."""
    cv2.setNumThreads(0)
    loader = data.train_dataloader()
    draws = list(itertools.islice(loader.sampler, views))
    start = time.process_time()
    collate([loader.dataset[draw] for draw in draws])
    return (time.process_time() - start) / views * 1000


def make_data(options: argparse.Namespace) -> SegmentationDataModule:
    renders = open_source(options.renders)
    mixture = [WeightedSource(renders, 2.0)]
    if options.backgrounds:
        mixture.append(WeightedSource(PersonFree(open_source(options.backgrounds)), 1.0, paste=1.0))
    loading = LoaderConfig(
        size=options.size,
        batch_size=options.batch_size,
        epoch_size=1 << 16,
        workers=options.workers,
        memory_mb=options.memory_mb,
    )
    data = SegmentationDataModule(mixture, persons=[renders], loading=loading)
    data.setup()
    return data


def endless(data: SegmentationDataModule) -> Iterator[dict[str, Any]]:
    loader = data.train_dataloader()
    while True:
        yield from loader


def make_step(options: argparse.Namespace) -> Callable[[dict[str, Any]], None]:
    """Return one training step as in a training: bfloat16, channels last, AdamW."""
    config = ModelConfig(
        encoder=options.encoder, decoder=options.decoder, width=options.width, weights="none"
    )
    network = build_network(config, generator=torch.Generator().manual_seed(0))
    segmenter = Segmenter(network).to(memory_format=torch.channels_last).to(options.device)
    optimiser = torch.optim.AdamW(segmenter.parameters())

    def step(batch: dict[str, Any]) -> None:
        image, target = (
            batch[key].to(options.device, non_blocking=True) for key in ("image", "target")
        )
        device = torch.device(options.device)
        with torch.autocast(device.type, torch.bfloat16), fast_depthwise(device):
            logits = segmenter(image)[:, 0]
        known = target != 255
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[known], (target == 1)[known].float()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if options.device != "cpu":
            torch.cuda.synchronize()

    return step


def rate(run: Callable[[], Any], options: argparse.Namespace) -> float:
    """Return images/s, without the first batches, which the loader had ready."""
    for _ in range(WARM_UP):
        run()
    start = time.perf_counter()
    for _ in range(options.batches):
        run()
    return options.batches * options.batch_size / (time.perf_counter() - start)


def print_factors(options: argparse.Namespace) -> None:
    """Print the CPU time of one view, then of each factor when it takes part."""
    cv2.setNumThreads(0)
    source = open_source(options.renders)
    bank = CutOutBank([source])
    samples = [source.load(i % len(source)) for i in range(32)]
    nothing = AugmentationConfig.none()

    def milliseconds(how: AugmentationConfig) -> float:
        start = time.process_time()
        for place, sample in enumerate(samples):
            augment(sample, options.size, how, Streams((0, 0, place)), persons=bank)
        return (time.process_time() - start) / len(samples) * 1000

    def load() -> float:
        start = time.process_time()
        for i in range(len(samples)):
            source.load(i % len(source))
        return (time.process_time() - start) / len(samples) * 1000

    milliseconds(AugmentationConfig())
    base = min(milliseconds(nothing) for _ in range(ROUNDS))
    print(
        f"  CPU ms per view: decode {min(load() for _ in range(ROUNDS)):.2f}, crop {base:.2f}, ",
        end="",
    )
    print(
        f"default augmentation {min(milliseconds(AugmentationConfig()) for _ in range(ROUNDS)):.2f}"
    )
    for factor in AUGMENTATION_FACTORS:
        alone = dataclasses.replace(nothing, **{factor: 1.0})  # type: ignore[arg-type]
        cost = min(milliseconds(alone) for _ in range(ROUNDS)) - base
        print(f"    {factor:<16}{max(cost, 0):6.2f}")


if __name__ == "__main__":
    main()
