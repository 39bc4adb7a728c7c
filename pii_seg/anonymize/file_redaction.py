"""Redact one image file: decode it, find and replace the persons of each frame, write the result.

An image is encoded in memory, and the output is searched again for persons that were missed. For
videos see `video_redaction`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.detection import Detection
from pii_seg.anonymize.image_reader import contrast_notes, decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.anonymize.instance_files import InstanceWriter, evidence_of
from pii_seg.anonymize.instances import MODEL, OWN_MASK, Piece, describe_pieces, number_pieces
from pii_seg.anonymize.journal import Record
from pii_seg.anonymize.mask_persistence import hold_masks
from pii_seg.anonymize.regions import with_regions
from pii_seg.anonymize.review import ReviewSignals
from pii_seg.anonymize.track_names import TrackName
from pii_seg.data.frames import Frame, Limits
from pii_seg.errors import MediaError

MaskReader = Callable[[int, int], np.ndarray]
"""(height, width) -> bool (H, W), redacted too. Raises MediaError."""


class StoppedError(Exception):
    """The run was interrupted; this file is not finished."""


@dataclass(frozen=True)
class Options:
    """Options for searching and writing the outputs.

    Attributes:
        renamed: Name outputs by the hash of their input.
        force: Replace files in the output folder that are not of this run.
        keep: Metadata that is kept, see `images.KEEPABLE`.
        keep_audio: Videos keep their sound.
        second_pass: Search the outputs for persons too.
        hold: Frames of a video or an animation before and after, for which a mask is held.
        write_masks: Write the redacted pieces as masks, see `instances`.
        write_json: Write them as JSON.
        every: Persons are searched in every how many frames of a video at least.
        keep_tracks: Tracks of the video that stay visible.
        workers: Threads that search the frames of videos; they decide no output.
        limits: Reject larger images.
    """

    renamed: bool = False
    force: bool = False
    keep: frozenset[str] = frozenset()
    keep_audio: bool = False
    second_pass: bool = True
    hold: int = 2
    write_masks: bool = False
    write_json: bool = False
    every: int = 1
    keep_tracks: tuple[TrackName, ...] = ()
    workers: int = 1
    limits: Limits = field(default_factory=Limits)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the outputs' bytes and names, as audit.json holds it.

        Files that are written on request are named only then: runs without them are of the same
        settings as those of versions that did not know them.
        """
        more = {"write_masks": self.write_masks, "write_json": self.write_json}
        return {
            "renamed": self.renamed,
            "kept": sorted(self.keep),
            "keep_audio": self.keep_audio,
            "second_look": self.second_pass,
            "hold": self.hold,
            "every": self.every,
            "keep_tracks": [str(track) for track in self.keep_tracks],
            **{name: True for name, wanted in more.items() if wanted},
        }


@dataclass
class FrameTotals:
    """Summary of the frames of one file; the names are keys of audit.json.

    Attributes:
        frames: Number of frames.
        persons: The most in any frame.
        covered: The largest redacted fraction of any frame.
        heads: The most heads that were completed, and should be checked, in any frame.
        also: For each further detector the most finds, `found`, in any frame, and the most of these
            that the segmenter `missed`.
        doubts: The worst review signals; None without a detector.
    """

    frames: int = 0
    persons: int = 0
    covered: float = 0.0
    heads: int = 0
    also: dict[str, dict[str, int]] = field(default_factory=dict)
    doubts: ReviewSignals | None = None

    def add(self, found: Detection, signals: ReviewSignals | None) -> None:
        """Count one more frame."""
        self.frames += 1
        self.persons = max(self.persons, len(found.persons))
        self.covered = max(self.covered, float(found.mask.mean()))
        self.heads = max(self.heads, found.heads_to_check)
        for name, finds in found.also.items():
            most = self.also.setdefault(name, {"found": 0, "missed": 0})
            most["found"] = max(most["found"], finds.count)
            most["missed"] = max(most["missed"], finds.missed)
        if signals is not None:
            self.doubts = signals if self.doubts is None else self.doubts.worst(signals)

    def as_record(self) -> Record:
        """Return the values as audit.json holds them."""
        return {**asdict(self), "doubts": None if self.doubts is None else self.doubts.as_record()}


class FileRedactor:
    """Redacts files one by one. Methods may be called from several threads.

    Args:
        anonymizer: Finds and replaces persons.
        options: Options for searching and writing the outputs.
        stopping: When it is set, a file that is being worked on raises StoppedError at its next
            frame.
    """

    def __init__(
        self, anonymizer: Anonymizer, options: Options, stopping: threading.Event | None = None
    ) -> None:
        self.anonymizer, self.options = anonymizer, options
        self.stopping = stopping or threading.Event()

    def image(
        self,
        content: bytes,
        destination: Path,
        name_output: Callable[[str], str],
        mask: MaskReader | None,
        instances: InstanceWriter | None = None,
    ) -> Record:
        """Redact an image file, still or animation.

        Args:
            content: The whole file.
            destination: Written with redacted content only.
            name_output: From the suffix of the format to the output's name.
            mask: Reads a mask that the user made for this file.
            instances: Writes the redacted pieces.

        Returns:
            The facts of the file, as audit.json holds them.

        Raises:
            MediaError: The file cannot be handled in full.
            StoppedError: The run was interrupted.
        """
        image = self._decode(content)
        output = name_output(image.suffix)
        if instances is not None:
            instances.begin(output, self.anonymizer.threshold, sequence=len(image.frames) > 1)
        frames: list[Frame] = []
        finds: list[Detection] = []
        # The pages of a TIFF are independent; the frames of an animation show one scene.
        searched = self._searched(image.frames, mask)
        for (frame, found), whole in hold_masks(
            searched, self.options.hold if image.is_animation else 0
        ):
            frames.append(self.anonymizer.replace_frame(frame, whole, stream=len(frames)))
            self._write_pieces(instances, found, whole, mask)
            finds.append(replace(found, mask=whole))
        encoded = encode_file(replace(image, frames=tuple(frames)))
        del frames
        # The review decodes the bytes that will be on disk, as any viewer does.
        second_pass = self.options.second_pass
        if len(finds) > 1 or self.anonymizer.searches_again(finds[0], second_pass=second_pass):
            written = self._decode(encoded, is_whole=True).frames
        else:
            written = image.frames
        if len(written) != len(finds):
            raise MediaError(
                f"has {len(finds)} frames, of which {len(written)} were written; convert it to "
                "another format"
            )
        totals = FrameTotals()
        for found, frame, given in zip(finds, written, image.frames, strict=True):
            totals.add(found, self._review(found, frame.seen_like(given).to_rgb8()))
        destination.write_bytes(encoded)
        height, width = finds[0].mask.shape
        boxes = [asdict(person) for person in finds[0].persons] if len(finds) == 1 else None
        return {
            "output": output,
            "height": height,
            "width": width,
            **totals.as_record(),
            "boxes": boxes,
            **self._facts((*image.notes, *contrast_notes(image.frames))),
        }

    def _searched(
        self, frames: tuple[Frame, ...], mask: MaskReader | None
    ) -> Iterator[tuple[tuple[Frame, Detection], np.ndarray]]:
        """Yield each frame with its persons, and the mask, as `hold_masks` takes them."""
        for frame in frames:
            found = self._find(mask, frame.to_rgb8())
            yield (frame, found), found.mask

    def _decode(self, content: bytes, *, is_whole: bool = False) -> ImageFile:
        options = self.options
        return decode_file(content, keep=options.keep, limits=options.limits, is_whole=is_whole)

    def _find(self, mask: MaskReader | None, image: np.ndarray) -> Detection:
        if self.stopping.is_set():
            raise StoppedError
        own = None if mask is None else mask(*image.shape[:2])
        return self.anonymizer.find(image, own)

    def _write_pieces(
        self,
        instances: InstanceWriter | None,
        found: Detection,
        whole: np.ndarray,
        mask: MaskReader | None,
    ) -> None:
        """Write the pieces of a frame; `found`: before masks were held, `whole`: after."""
        if instances is None:
            return
        own = None if mask is None else mask(*whole.shape)
        instances.add_pieces(*pieces_of(self.anonymizer, found, whole, own))

    def _review(self, found: Detection, redacted: np.ndarray) -> ReviewSignals | None:
        return self.anonymizer.review(found, redacted, second_pass=self.options.second_pass)

    def _facts(self, notes: tuple[str, ...]) -> Record:
        return {"threshold": self.anonymizer.threshold, "notes": list(notes)}


def pieces_of(
    anonymizer: Anonymizer, found: Detection, whole: np.ndarray, own: np.ndarray | None
) -> tuple[np.ndarray, list[Piece]]:
    """Number and describe the pieces of what is redacted in a frame.

    Args:
        anonymizer: Has found them.
        found: What was found before masks were held.
        whole: bool (H, W), what is redacted after that.
        own: The user's mask.

    Returns:
        int32 (H, W), see `instances.number_pieces`, and the pieces.
    """
    region = None
    if anonymizer.include:
        region = with_regions(np.zeros(whole.shape, bool), anonymizer.include, ())
    evidence = evidence_of(
        probability=found.probability,
        threshold=anonymizer.threshold,
        own=own,
        region=region,
        held=whole & ~found.mask,
        more=found.more,
    )
    seeding = (MODEL, OWN_MASK, *found.more)
    marked = [evidence[name] for name in seeding if name in evidence]
    seeds = np.logical_or.reduce(marked) if marked else np.zeros(whole.shape, bool)
    ids = number_pieces(whole, seeds, region)
    return ids, describe_pieces(ids, found.probability, evidence)
