"""One lock per run: two runs of one command never render the same images at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..dataset import output_lock
from .shard import Shard


@contextlib.contextmanager
def run_lock(output: Path, shard: Shard, *, alone: bool = False) -> Iterator[None]:
    """Hold the lock of a run, or of its shard: different shards may render at the same time.

    Args:
        output: Folder of the dataset; it is made when it does not exist.
        shard: The part that the run renders.
        alone: Whether no other run may write the dataset, since it is about to be deleted.

    Raises:
        OutputBusyError: Another run renders the same part, or any with `alone`; the message names
            the folder and the remedy.
    """
    own = output / (".run.lock" if shard.of == 1 else f".run-{shard.number}-of-{shard.of}.lock")
    with output_lock(own):
        if alone:
            for other in sorted(output.glob(".run*.lock")):
                if other != own:
                    with output_lock(other):
                        pass
        yield
