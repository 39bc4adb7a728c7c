"""The kinds of video files: how each is recognised, read, checked, and written.

A file is recognised by its first bytes, whatever its name. The demuxer is chosen here, so that
nothing in a file can make FFmpeg choose one that opens other files (playlists, image sequences).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pii_seg.anonymize import container_ends
from pii_seg.anonymize.container_ends import Announced, Seekable
from pii_seg.anonymize.iso_boxes import read_iso
from pii_seg.anonymize.matroska import read_matroska
from pii_seg.errors import MediaError

START = 1024
"""Bytes that are enough to recognise a file."""

BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""First boxes of a QuickTime file that is older than the box ftyp."""


@dataclass(frozen=True)
class Written:
    """A row of the containers that are written.

    Attributes:
        suffix: Of the output file.
        muxer: FFmpeg's name of the writer.
        codec: FFmpeg's name of the encoder.
        options: Of the encoder.
    """

    suffix: str
    muxer: str
    codec: str
    options: dict[str, str]


X264 = {"crf": "18", "preset": "medium"}  # no visible loss
MP4 = Written(".mp4", "mp4", "libx264", X264)
MOV = Written(".mov", "mov", "libx264", X264)
MKV = Written(".mkv", "matroska", "libx264", X264)
WEBM = Written(".webm", "webm", "libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "4"})
AVI = Written(".avi", "avi", "libx264", {**X264, "bf": "0"})


@dataclass(frozen=True)
class Container:
    """A row of the containers that are read.

    Attributes:
        name: Words for messages.
        demuxer: FFmpeg's name of the reader.
        written: The container of the output.
        announced: Reads what a file says about its own length; rejects one that is cut off.
        stream: Made to be cut and joined anywhere: it may begin between two key frames, begins at
            any time, and its times may jump.
    """

    name: str
    demuxer: str
    written: Written
    announced: Callable[[Seekable, int], Announced]
    stream: bool = False

    @property
    def suffix(self) -> str:
        """Suffix of the output file."""
        return self.written.suffix


ISO = Container("MP4", "mov", MP4, read_iso)
QUICKTIME = Container("QuickTime", "mov", MOV, read_iso)
MATROSKA = Container("Matroska", "matroska", MKV, read_matroska)
WEBM_FILE = Container("WebM", "matroska", WEBM, read_matroska)
AVI_FILE = Container("AVI", "avi", AVI, container_ends.read_avi)
ASF = Container("Windows Media", "asf", MP4, container_ends.read_asf)
FLASH = Container("Flash video", "flv", MP4, container_ends.read_flv)
OGG = Container("Ogg", "ogg", MP4, container_ends.read_ogg)
DV = Container("DV", "dv", MP4, container_ends.read_dv)
PROGRAM_STREAM = Container(
    "MPEG program stream", "mpeg", MP4, container_ends.read_program_stream, stream=True
)
TRANSPORT_STREAM = Container(
    "MPEG transport stream", "mpegts", MP4, container_ends.read_transport_stream, stream=True
)


def container_of(source: Path) -> Container:
    """Recognise the container by the first bytes of the file.

    Raises:
        MediaError: It is none of those that can be read.
        OSError: The file cannot be read.
    """
    with source.open("rb") as file:
        start = file.read(START)
    if found := recognised(start):
        return found
    raise MediaError(
        "is not a video in a known format; convert it to MP4 (ffmpeg -i FILE NEW.mp4, or a video "
        "editor)"
    )


def recognised(start: bytes) -> Container | None:
    """Recognise a container by the first START bytes of a file; None: it is none of them."""
    if start[4:8] == b"ftyp":
        return QUICKTIME if start[8:12] == b"qt  " else ISO
    if start[4:8] in BOXES:
        return QUICKTIME
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return AVI_FILE
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM_FILE if b"webm" in start[:64] else MATROSKA
    for magic, container in (
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
        (b"FLV\x01", FLASH),
        (b"OggS", OGG),
        (b"\0\0\x01\xba", PROGRAM_STREAM),
        (b"\x1f\x07\0", DV),
    ):
        if start.startswith(magic):
            return container
    return TRANSPORT_STREAM if container_ends.transport_packets(start) else None
