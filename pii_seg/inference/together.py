"""Predict several images together: tiles of equal shape go through the segmenter in one batch.

Each image is predicted in a thread of its own by the function that predicts one. Where that calls
the segmenter, it waits until all images have come so far, and their tiles are joined. So whatever
plans the views and tiles of one image needs to know nothing about batches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pii_seg.inference.tiling import Segmenter


def predict_together(
    segmenter: Segmenter,
    predict: Callable[[Segmenter, np.ndarray], np.ndarray],
    images: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Predict each image, with one call of the segmenter where all of them need one.

    Args:
        segmenter: From tiles, uint8 (B, h, w, 3), to logits, float32 (B, h, w).
        predict: Predicts one image with a segmenter; called in a thread for each.
        images: uint8 (H, W, 3). Tiles are joined where they have one shape, as those of images of
            one size have.

    Returns:
        The result of `predict` for each image, in order.

    Raises:
        Exception: Whatever `predict` or the segmenter raises.
    """
    meeting = _Meeting(segmenter, len(images))

    def predict_one(image: np.ndarray) -> np.ndarray:
        try:
            return predict(meeting.call, image)
        finally:
            meeting.leave()

    with ThreadPoolExecutor(len(images)) as pool:
        return list(pool.map(predict_one, images))


class _Call:
    """One call of the segmenter that waits to be joined with others."""

    def __init__(self, tiles: np.ndarray) -> None:
        self.tiles = tiles
        self.logits: np.ndarray | None = None
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.logits is not None or self.error is not None


class _Meeting:
    """Joins the calls of several threads: the last one that arrives runs the segmenter for all."""

    def __init__(self, segmenter: Segmenter, members: int) -> None:
        self._segmenter = segmenter
        self._members = members
        self._waiting: list[_Call] = []
        self._changed = threading.Condition()

    def call(self, tiles: np.ndarray) -> np.ndarray:
        """Return the logits (B, h, w) of tiles (B, h, w, 3)."""
        call = _Call(tiles)
        with self._changed:
            self._waiting.append(call)
            self._run_if_complete()
            self._changed.wait_for(lambda: call.is_done)
        if call.error is not None:
            raise call.error
        assert call.logits is not None
        return call.logits

    def leave(self) -> None:
        """Say that a thread calls no more; the others do not wait for it."""
        with self._changed:
            self._members -= 1
            self._run_if_complete()

    def _run_if_complete(self) -> None:
        if not self._waiting or len(self._waiting) < self._members:
            return
        by_shape: dict[tuple[int, ...], list[_Call]] = {}
        for call in self._waiting:
            by_shape.setdefault(call.tiles.shape[1:], []).append(call)
        self._waiting = []
        for calls in by_shape.values():
            try:
                # A copy: the segmenter may return memory that it uses again.
                logits = np.array(self._segmenter(np.concatenate([c.tiles for c in calls])))
                ends = np.cumsum([len(call.tiles) for call in calls])[:-1]
                for call, part in zip(calls, np.split(logits, ends), strict=True):
                    call.logits = part
            except BaseException as error:
                for call in calls:
                    call.error = error
        self._changed.notify_all()
