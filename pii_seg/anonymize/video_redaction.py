"""Redact one video as a pipeline: decode, search, follow, replace, search again, encode.

The stages overlap. The frames of a batch are searched together; batches are searched by a pool of
threads that all videos of a run share. Every stage has a bounded number of frames under way, so
that memory does not grow with the length of the video. On a CPU the masks are those that come of
searching the frames one by one, to the bit.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.containers import container_of
from pii_seg.anonymize.detection import Detection
from pii_seg.anonymize.done_key import OUTPUT_VERSION
from pii_seg.anonymize.file_redaction import (
    FrameTotals,
    MaskReader,
    Options,
    StoppedError,
    pieces_of,
)
from pii_seg.anonymize.instance_files import InstanceWriter
from pii_seg.anonymize.instances import Piece
from pii_seg.anonymize.journal import Record
from pii_seg.anonymize.regions import with_regions
from pii_seg.anonymize.review import ReviewSignals
from pii_seg.anonymize.stages import map_ahead
from pii_seg.anonymize.track_names import TrackName
from pii_seg.anonymize.tracks import Track, instances_of
from pii_seg.anonymize.video import rewrite_video
from pii_seg.anonymize.video_masks import MaskFollower, VideoFrame
from pii_seg.anonymize.video_sampling import chosen, numbered, settled
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import MediaError
from pii_seg.inference.dilation import dilate
from pii_seg.inference.parallel import batches

KEY_DIGITS = 8  # of the hash in the name of a track

MOST_TRACKS = 100
"""Tracks that the audit lists for a video, those found in most frames; --write-json has all."""

LEAST_RECALL = 0.99
"""Share of the persons' pixels below which frames that were not searched ask for a review."""

Pieces = tuple[np.ndarray, list[Piece]]
Redacted = tuple[np.ndarray, Detection, ReviewSignals | None, Pieces | None]


@dataclass
class SkippedFrames:
    """Frames that were not searched, and what their masks cover; the names are keys of audit.json.

    Attributes:
        skipped: Number of frames whose mask follows from their neighbours.
        checked: Number of these that were searched to measure what the mask misses.
        person_pixels: Pixels that were found in these.
        covered_pixels: Those of them that the mask covers.
    """

    skipped: int = 0
    checked: int = 0
    person_pixels: int = 0
    covered_pixels: int = 0

    def as_record(self) -> Record:
        """Return the values, and `frame_recall`, the share that is covered; None if unknown."""
        recall = self.covered_pixels / self.person_pixels if self.person_pixels else None
        return {**asdict(self), "frame_recall": recall}


class VideoRedactor:
    """Redacts videos. Methods may be called from several threads.

    Args:
        anonymizer: Finds and replaces persons.
        options: Options for searching and writing the outputs.
        stopping: When it is set, a video that is being worked on raises StoppedError at its next
            frame.
        pool: Its threads search and replace; all videos share it.
    """

    def __init__(
        self, anonymizer: Anonymizer, options: Options, stopping: threading.Event, pool: Executor
    ) -> None:
        self.anonymizer, self.options, self.stopping = anonymizer, options, stopping
        self._pool = pool

    def redact(
        self,
        source: Path,
        destination: Path,
        name_output: Callable[[str], str],
        mask: MaskReader | None,
        instances: InstanceWriter | None = None,
        *,
        digest: str | None = None,
    ) -> Record:
        """Redact a video; see `FileRedactor.image`. `digest`: SHA-256 of `source`, if known."""
        output = name_output(container_of(source).suffix)
        key = self._key(digest or sha256_of(source))
        if other := [track for track in self.options.keep_tracks if track.key != key]:
            raise MediaError(
                f"does not have the track {other[0]}, which is of another video or of other "
                "settings; take it from the audit of a run over this video with these settings"
            )
        if instances is not None:
            instances.begin(output, self.anonymizer.threshold, sequence=True)
        run = _VideoRun(self.anonymizer, self.options, self.stopping, self._pool, mask)
        run.instances, run.key = instances, key
        video = rewrite_video(
            source,
            destination,
            run.transform,
            keep_audio=self.options.keep_audio,
            on_time=run.times.append,
        )
        return {
            "output": output,
            "height": video.height,
            "width": video.width,
            "film_seconds": round(video.seconds, 3),
            **run.as_record(),
            "threshold": self.anonymizer.threshold,
            "notes": [*video.notes, *run.notes()],
        }

    def _key(self, digest: str) -> str:
        """Hash all that decides the numbers of the tracks, so that none is mistaken for another."""
        model = {**(self.anonymizer.model or {}), "promise": None}
        settings = self.anonymizer.settings
        finding = {name: settings.get(name) for name in ("dilate", "complete_heads", "also")}
        how = [self.options.hold, self.options.every, finding]
        parts = json.dumps([digest, model, how, OUTPUT_VERSION], sort_keys=True)
        return hashlib.sha256(parts.encode()).hexdigest()[:KEY_DIGITS]


class _VideoRun:
    """The stages of one video, and what there is to say about it in the end.

    Attributes:
        instances: Writes the redacted pieces of each frame.
        key: Part of the names of the tracks.
        times: In s, of the frames that are decoded and not yet written.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        options: Options,
        stopping: threading.Event,
        pool: Executor,
        mask: MaskReader | None,
    ) -> None:
        self.anonymizer, self.options, self.stopping = anonymizer, options, stopping
        self._pool, self._mask = pool, mask
        self._depth = options.workers + 1  # batches under way: one waits, so that no thread does
        self._totals, self._skipped = FrameTotals(), SkippedFrames()
        self.instances: InstanceWriter | None = None
        self.key = ""
        self.times: deque[float] = deque()
        self._keep = frozenset(track.number for track in options.keep_tracks)
        self._follower = MaskFollower(options.hold, options.every, self._keep)

    def transform(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Redact the frames of the video."""
        # Nobody knows in a frame that is only checked who is kept visible.
        selected = chosen(numbered(frames), self.options.every, check=not self._keep)
        searched = settled(self._searched(selected), self._search_now)
        for pixels, found, signals, pieces in self._redacted(self._followed(searched)):
            self._totals.add(found, signals)
            time = round(self.times.popleft(), 6)
            if self.instances is not None and pieces is not None:
                self.instances.add_pieces(*pieces, time=time, track_key=self.key)
            yield pixels
        count = len(self._follower.tracker.tracks)
        if missing := sorted(number for number in self._keep if not 0 < number <= count):
            raise MediaError(f"has no track {missing[0]}; its tracks are 1 to {count}")

    def as_record(self) -> Record:
        """Return the facts, as audit.json holds them."""
        record: Record = self._totals.as_record()
        tracks = self._follower.tracker.tracks
        listed = sorted(tracks, key=lambda track: (-track.found, track.number))[:MOST_TRACKS]
        record["tracks"] = {
            "count": len(tracks),
            "longest": [_facts_of(one, self.key) for one in listed],
        }
        if self.options.every > 1:
            record["not_searched"] = self._skipped.as_record()
        return record

    def notes(self) -> list[str]:
        """Say what should be reviewed."""
        recall = self._skipped.as_record()["frame_recall"]
        if recall is None or recall >= LEAST_RECALL:
            return []
        return [
            f"the masks of frames that --every skipped cover {recall:.1%} of the persons' pixels "
            f"in the {self._skipped.checked} that were checked"
        ]

    def _searched(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Search the frames that are marked, several batches at a time."""
        grouped = batches(frames, self.anonymizer.batch * self.options.every)
        for batch in map_ahead(self._pool, self._search, grouped, self._depth):
            yield from batch

    def _search_now(self, frames: list[VideoFrame]) -> None:
        for frame in frames:
            frame.is_searched, frame.is_checked = True, False
        self._pool.submit(self._search, frames).result()

    def _search(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        self._check()
        wanted = [frame for frame in frames if frame.is_searched or frame.is_checked]
        wanted = [frame for frame in wanted if frame.found is None]
        if wanted:
            own = self._own_mask(wanted[0])
            found = self.anonymizer.find_each([frame.pixels for frame in wanted], own)
            for frame, each in zip(wanted, found, strict=True):
                frame.found = each
        for frame in frames:
            if not frame.is_searched or frame.found is None or frame.found.found is None:
                continue
            persons, score = frame.found.found, frame.found.probability
            if score is None:  # a plug-in detector alone has none
                score = np.zeros(persons.shape, np.float32)
            frame.instances = instances_of(persons, score, self.anonymizer.dilate)
        return frames

    def _own_mask(self, frame: VideoFrame) -> np.ndarray | None:
        return None if self._mask is None else self._mask(*frame.pixels.shape[:2])

    def _followed(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Complete the masks along the motion of the persons."""
        for frame in self._follower.follow(frames, self._still):
            frame.mask = with_regions(frame.mask, (), self.anonymizer.exclude)
            if not frame.is_searched:
                self._measure(frame)
            yield frame

    def _still(self, frame: VideoFrame) -> np.ndarray:
        """Return what is redacted in every frame: the user's mask and regions, bool (H, W)."""
        own = self._own_mask(frame)
        mask = np.zeros(frame.pixels.shape[:2], bool) if own is None else own
        return with_regions(dilate(mask, self.anonymizer.dilate), self.anonymizer.include, ())

    def _measure(self, frame: VideoFrame) -> None:
        """Count what the mask of a frame that was not searched covers, and add what it misses."""
        self._skipped.skipped += 1
        threshold = self.anonymizer.threshold
        if frame.found is None or frame.found.probability is None or threshold is None:
            return
        persons = with_regions(frame.found.probability >= threshold, (), self.anonymizer.exclude)
        self._skipped.checked += 1
        self._skipped.person_pixels += int(persons.sum())
        self._skipped.covered_pixels += int((persons & frame.mask).sum())
        frame.mask |= frame.found.mask

    def _redacted(self, frames: Iterator[VideoFrame]) -> Iterator[Redacted]:
        """Replace the persons of every frame, and search the result again."""

        def redact(batch: list[VideoFrame]) -> list[Redacted]:
            self._check()
            outputs = [
                self.anonymizer.replace(frame.pixels, frame.mask, stream=frame.number)[0]
                for frame in batch
            ]
            found = [
                Detection(frame.mask, (), None)
                if frame.found is None
                else replace(frame.found, mask=frame.mask)
                for frame in batch
            ]
            # Who is kept visible asks for no review.
            reviewed = [
                each if frame.kept is None else replace(each, mask=each.mask | frame.kept)
                for frame, each in zip(batch, found, strict=True)
            ]
            signals = self.anonymizer.review_each(
                reviewed, outputs, second_pass=self.options.second_pass
            )
            pieces = [self._pieces(frame) for frame in batch]
            return list(zip(outputs, found, signals, pieces, strict=True))

        grouped = batches(frames, self.anonymizer.batch)
        for batch in map_ahead(self._pool, redact, grouped, self._depth):
            yield from batch

    def _pieces(self, frame: VideoFrame) -> Pieces | None:
        """Number and describe the redacted pieces of a frame, each with its track."""
        if self.instances is None:
            return None
        found = frame.found or Detection(self._still(frame), (), None)
        ids, pieces = pieces_of(self.anonymizer, found, frame.mask, self._own_mask(frame))
        tracks: dict[int, int] = {}
        for instance, track in zip(frame.instances, frame.tracks, strict=True):
            rows, columns = instance.pixels.shape
            top, left = instance.top, instance.left
            inside = ids[top : top + rows, left : left + columns][instance.pixels]
            numbers = np.bincount(inside, minlength=1)
            if track is not None and numbers[1:].any():
                tracks.setdefault(int(numbers[1:].argmax()) + 1, track)  # the largest comes first
        return ids, [replace(piece, track=tracks.get(piece.id)) for piece in pieces]

    def _check(self) -> None:
        if self.stopping.is_set():
            raise StoppedError


def _facts_of(track: Track, key: str) -> dict[str, Any]:
    return {
        "track": str(TrackName(track.number, key)),
        "first": track.first,
        "last": track.last,
        "frames": track.found,
    }
