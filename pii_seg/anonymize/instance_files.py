"""The files of `--write-masks` and `--write-json` in an output folder; their content: `instances`.

    DIR/instances/NAME.png            mask of an image; NAME: path of the input, or its hash
    DIR/instances/NAME/000000.png     mask of a page, or of a frame of an animation or a video
    DIR/instances/NAME.json           the pieces of all frames

They belong to the output: they are written under a temporary name, listed in its record, published
before it and deleted with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pii_seg.anonymize.instances import (
    MODEL,
    NEIGHBOUR,
    OWN_MASK,
    REGION,
    Piece,
    describe_pieces,
    encode_ids,
    frame_record,
    head_record,
    number_pieces,
)
from pii_seg.data.hashes import sha256_of

FOLDER = "instances"
MOST_FRAMES = 10_000_000
_MASKS, _JSON = "masks", "pieces.json"  # in the temporary folder

Entry = dict[str, Any]
"""The field `instances` of a record: {"masks": number, "sequence": …, "json": …, "sha256": …}."""


class InstanceWriter:
    """Writes the masks and the JSON of one input, frame by frame, into a temporary folder."""

    def __init__(self, folder: Path, name: str, *, masks: bool, as_json: bool) -> None:
        """Create the folder.

        Args:
            folder: Must not exist; `InstanceWriter.discard` deletes it.
            name: The name of the input in the records.
            masks: Write masks.
            as_json: Write JSON.
        """
        self.folder, self.name = folder, name
        self._masks, self._json = masks, as_json
        self._frames: int | None = None
        self._sequence = False
        (folder / _MASKS).mkdir(parents=True)

    def begin(self, output: str, threshold: float | None, *, sequence: bool) -> None:
        """Begin to write.

        Args:
            output: Path of the output below the output folder.
            threshold: Probability from which on a pixel was found.
            sequence: Whether there may be several frames.
        """
        self._frames, self._sequence = 0, sequence
        if self._json:
            head = json.dumps(head_record(name=self.name, output=output, threshold=threshold))
            self._append(head[:-1] + ', "frames": [\n')

    def add(
        self,
        redacted: np.ndarray,
        found: np.ndarray,
        *,
        probability: np.ndarray | None = None,
        evidence: Mapping[str, np.ndarray] | None = None,
        **more: Any,
    ) -> None:
        """Write the next frame.

        Args:
            redacted: bool (H, W), the area that is redacted.
            found: bool (H, W), its part without margin, regions and held masks.
            probability: float32 (H, W); None without a model.
            evidence: bool (H, W) for each source, see `evidence_of`.
            more: Further keys of the frame, such as `time`.
        """
        evidence = evidence or {}
        ids = number_pieces(redacted, found, evidence.get(REGION))
        self.add_pieces(ids, describe_pieces(ids, probability, evidence), **more)

    def add_pieces(self, ids: np.ndarray, pieces: list[Piece], **more: Any) -> None:
        """Write the next frame, whose pieces are numbered and described: see `add`."""
        if self._frames is None:
            raise ValueError("begin must be called first")
        number = self._frames
        own = PurePosixPath(self.name).name
        mask = f"{own}/{number:06d}.png" if self._sequence else f"{own}.png"
        if self._masks:
            (self.folder / _MASKS / f"{number:06d}.png").write_bytes(encode_ids(ids))
        if self._json:
            frame = frame_record(number, ids, mask if self._masks else None, pieces, **more)
            self._append((",\n" if number else "") + json.dumps(frame, allow_nan=False))
        self._frames += 1

    def finish(self) -> Entry:
        """End the JSON, and return the field `instances` of the record."""
        if self._json:
            self._append("\n]}\n")
        entry: Entry = {
            "masks": (self._frames or 0) if self._masks else 0,
            "sequence": self._sequence,
            "json": self._json,
        }
        entry["sha256"] = _hash([source for source, _ in self.files(entry)])
        return entry

    def files(self, entry: Entry) -> Iterator[tuple[Path, str]]:
        """Yield each temporary file with its path below the output folder."""
        names = instance_paths(self.name, entry)
        sources = [self.folder / _MASKS / f"{n:06d}.png" for n in range(entry["masks"])]
        yield from zip([*sources, *[self.folder / _JSON] * entry["json"]], names, strict=True)

    def discard(self) -> None:
        """Delete the temporary folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _append(self, text: str) -> None:
        with (self.folder / _JSON).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)


def evidence_of(
    *,
    probability: np.ndarray | None,
    threshold: float | None,
    own: np.ndarray | None,
    region: np.ndarray | None,
    held: np.ndarray | None,
    more: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return the pixels, bool (H, W), that each source marks.

    Args:
        probability: float32 (H, W); None without a model.
        threshold: Probability from which on a pixel was found.
        own: The user's mask.
        region: The regions that are always redacted.
        held: What masks of neighbouring frames add.
        more: The pixels of further sources.
    """
    model = None
    if probability is not None and threshold is not None:
        model = probability >= threshold
    given = {MODEL: model, OWN_MASK: own, REGION: region, NEIGHBOUR: held, **(more or {})}
    return {name: marked for name, marked in given.items() if marked is not None}


def instance_paths(name: str, entry: Mapping[str, Any]) -> list[str]:
    """List the paths, below the output folder, of the files of an input's record."""
    base = f"{FOLDER}/{name}"
    paths = [f"{base}.png"] * entry["masks"]
    if entry["sequence"]:
        paths = [f"{base}/{number:06d}.png" for number in range(entry["masks"])]
    return [*paths, *[f"{base}.json"] * entry["json"]]


def paths_of(record: Mapping[str, Any]) -> list[str]:
    """List the paths, below the output folder, of all that belongs to a record but its output."""
    entry = record.get("instances")
    return [] if entry is None else instance_paths(record["name"], entry)


def are_as_recorded(record: Mapping[str, Any], output: Path) -> bool:
    """Return whether the masks and the JSON of a record are on disk, as they were written."""
    paths = [output / path for path in paths_of(record)]
    return not paths or (
        all(path.is_file() for path in paths) and _hash(paths) == record["instances"]["sha256"]
    )


def check_entry(entry: Any) -> None:
    """Check the field `instances` of a record that was read. Raises ValueError."""
    if entry is None:
        return
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise ValueError("instances is of another kind")
    if not isinstance(entry.get("sequence"), bool) or not isinstance(entry.get("json"), bool):
        raise ValueError("instances is of another kind")
    count = entry.get("masks")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_FRAMES:
        raise ValueError("the number of masks is missing")
    if count > 1 and not entry["sequence"]:
        raise ValueError("an image has several masks")


def remove_empty_folders(path: Path, top: Path) -> None:
    """Delete the folder of `path`, and those above it below `top`, as far as they are empty."""
    for folder in path.parents:
        if folder == top or not folder.is_relative_to(top):
            return
        try:
            os.rmdir(folder)  # noqa: PTH106
        except OSError:
            return


def _hash(paths: list[Path]) -> str:
    """Hash several files, hex."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(sha256_of(path).encode())
    return whole.hexdigest()
