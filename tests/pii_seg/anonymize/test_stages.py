"""Stages overlap, are bounded, keep the order, pass errors on in their place, and end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pii_seg.anonymize.stages import ahead, map_ahead
from pii_seg.inference.parallel import batches


def endless(taken: list[int]) -> Iterator[int]:
    number = 0
    while True:
        taken.append(number)
        yield number
        number += 1


def test_items_come_in_order_and_from_another_thread() -> None:
    threads = set()

    def items() -> Iterator[int]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    with ahead(items(), 3) as taken:
        assert list(taken) == list(range(50))
    assert threading.get_ident() not in threads


def test_no_more_items_wait_than_the_depth() -> None:
    made: list[int] = []
    with ahead(endless(made), 2) as items:
        for expected in range(20):
            assert next(items) == expected
            assert len(made) <= expected + 1 + 2 + 1  # taken, waiting, and the one being handed on


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    seen = []
    with pytest.raises(ValueError, match="the third"), ahead(items(), 5) as taken:
        for item in taken:
            seen.append(item)
    assert seen == [1, 2]


def test_whoever_leaves_early_closes_what_it_took_from() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from endless([])
        finally:
            closed.set()

    with pytest.raises(KeyError), ahead(items(), 2) as taken:
        next(taken)
        raise KeyError
    assert closed.is_set()  # the thread has been joined


def test_results_keep_the_order_and_one_stage_feeds_another() -> None:
    taken: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        doubled = map_ahead(pool, lambda n: 2 * n, endless(taken), 3)
        ended = map_ahead(pool, str, doubled, 4)
        assert [next(ended) for _ in range(30)] == [str(2 * n) for n in range(30)]
        assert len(taken) <= 30 + 3 + 4
        ended.close()
        doubled.close()


def test_a_failed_item_is_raised_in_its_place() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = map_ahead(pool, lambda n: 1 // (3 - n), range(10), 4)
        assert [next(results) for _ in range(3)] == [0, 0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
