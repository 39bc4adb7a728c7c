"""Threads for images, and results in order."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from pii_seg.errors import DataError
from pii_seg.inference.cores import usable_cores
from pii_seg.inference.parallel import map_in_order, worker_threads


def test_order_is_kept_and_one_error_does_not_stop_the_rest() -> None:
    def slow_start(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        if number == 4:
            raise DataError("four")
        return number * number

    results = list(map_in_order(slow_start, range(9), workers=3))
    assert [item for item, _ in results] == list(range(9))
    assert [f.result() for item, f in results if item != 4] == [n * n for n in range(9) if n != 4]
    with pytest.raises(DataError, match="four"):
        results[4][1].result()


def test_no_more_than_the_depth_is_submitted() -> None:
    begun = []
    stream = map_in_order(begun.append, range(1000), workers=2, depth=5)
    next(stream)
    assert len(begun) <= 5
    stream.close()  # cancels what waits and ends the threads
    assert len(begun) <= 5
    assert not [t for t in threading.enumerate() if "ThreadPoolExecutor" in t.name and t.is_alive()]


def test_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), worker_threads("cpu") as workers:
        assert (workers, torch.get_num_threads()) == (min(before, usable_cores()), 1)
        raise RuntimeError
    assert torch.get_num_threads() == before
