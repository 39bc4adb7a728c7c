"""Work on several images at a time: one thread per image, results in order."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from pii_seg.inference.cores import usable_cores

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@contextmanager
def worker_threads(device: str) -> Iterator[int]:
    """Choose the number of worker threads; inside the block torch uses one core per thread.

    On a CPU, one image per core is faster than all cores on one image, because no core waits for
    the slowest part of a layer. With other programs running it is many times faster, because
    OpenMP's threads spin while they wait (measured: 80 ms against 460 ms an image on two shared
    cores). With a GPU, the threads decode and encode meanwhile. Other back ends than torch compute
    in the thread that calls them anyway.

    Args:
        device: Where the segmenter runs: "cpu", "cuda", "mps", …

    Yields:
        The number of images to process at the same time.
    """
    cores = usable_cores()
    torch = sys.modules.get("torch")  # where another back end runs, it is not imported for this
    if torch is None:
        yield workers_for(device, cores)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield workers_for(device, min(cores, threads))
    finally:
        torch.set_num_threads(threads)


def workers_for(device: str, cores: int) -> int:
    """Return the number of images to process at the same time on `cores` cores."""
    return cores if device == "cpu" else max(2, min(cores, 8))


def map_in_order(
    function: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    *,
    workers: int,
    depth: int | None = None,
    stopping: threading.Event | None = None,
) -> Generator[tuple[ItemT, Future[ResultT]], None, None]:
    """Apply `function` to `items` in threads and yield the results in the order of the items.

    Args:
        function: Called in a worker thread, once for each item.
        items: Consumed lazily.
        workers: Number of threads.
        depth: The most items that are submitted and not yet yielded; `workers` + 2 by default.
        stopping: Set when no more results are wanted, by an error or an interruption, so that a
            long call can end early.

    Yields:
        (item, finished future). The future's `result()` raises what `function` raised, so that one
        failed item does not stop the others.
    """
    depth = depth or workers + 2
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque[tuple[ItemT, Future[ResultT]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) >= depth:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        if stopping is not None:
            stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)


def batches(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Yield lists of `size` items, the last of them shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _finished(item: ItemT, future: Future[ResultT]) -> tuple[ItemT, Future[ResultT]]:
    future.exception()  # waits
    return item, future
