"""Stages of a pipeline that overlap, each with a bounded number of items under way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@contextmanager
def ahead(items: Iterable[ItemT], depth: int) -> Iterator[Iterator[ItemT]]:
    """Take `items` in a thread of their own, up to `depth` of them before they are asked for.

    An error of `items` is raised in its place, after the items before it. When the block ends, for
    whatever reason, the thread has ended too, and `items` is closed if it is a generator.

    Args:
        items: Consumed in the thread only.
        depth: Number of items that wait, at least 1.

    Yields:
        The items, in order.
    """
    channel: _Channel[ItemT] = _Channel(depth)
    thread = threading.Thread(target=_fill, args=(channel, items), daemon=True)
    thread.start()
    try:
        yield channel.items()
    finally:
        channel.close()
        thread.join()


class _Channel(Generic[ItemT]):
    """A queue with an end, which both sides may close."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[ItemT] = deque()
        self._changed = threading.Condition()
        self._closed = self._ended = False
        self._error: BaseException | None = None

    def put(self, item: ItemT) -> bool:
        """Wait for room and add an item; return False if nobody takes items any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._depth)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def end(self, error: BaseException | None) -> None:
        """Say that no more items come, because of `error` if there is one."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def items(self) -> Iterator[ItemT]:
        """Yield the items as they come, then raise the error if there was one."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
            del item
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Say that nobody takes items any more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


def _fill(channel: _Channel[ItemT], items: Iterable[ItemT]) -> None:
    iterator = iter(items)
    try:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            if not channel.put(item):
                break
            del item  # it must not live on here while the next one is made
        if isinstance(iterator, Generator):
            iterator.close()
    except BaseException as error:  # raised where the items are taken
        channel.end(error)
    else:
        channel.end(None)


def map_ahead(
    pool: Executor, function: Callable[[ItemT], ResultT], items: Iterable[ItemT], depth: int
) -> Generator[ResultT, None, None]:
    """Apply `function` to `items` in the threads of a pool, and yield the results in order.

    Several of them may share a pool, and one may take its items from another.

    Args:
        pool: Its threads run `function`.
        function: Called once for each item.
        items: Consumed lazily.
        depth: Number of items that are submitted and not yet yielded, at least 1.
    """
    waiting: deque[Future[ResultT]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)
