"""Rewrite videos frame by frame, in the memory of a few frames, whatever the length.

The output holds the frames, their times, and on request the sound. Everything else is left out:
other streams (subtitles, the position track of an action camera), chapters, covers, metadata. Left
out streams are noted.

A video is rejected if it cannot be decoded to its end, if its colours would come out wrong (HDR),
or if it has two video streams. It is opened here and its container recognised by its first bytes,
so that nothing in it makes the demuxer open another file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from pii_seg.errors import MediaError

Transform = Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
"""Upright frames, uint8 (H, W, 3) -> as many of the same size. It may read a few frames ahead."""

QUALITY = "18"  # of x264: no visible loss
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
SD_HEIGHT = 576
"""Videos that name no colour space use ITU-R BT.601 up to this height in px, BT.709 above."""

UNSPECIFIED = 2  # FFmpeg's number of a colour space that the video does not name
SLACK = Fraction(1, 4)
"""s, by which a video may end before its header says: the length of the last frame is a guess."""


@dataclass(frozen=True)
class Container:
    """A row of the containers that are read and written.

    Attributes:
        suffix: Of the output file.
        demuxer: FFmpeg's name of the reader.
        muxer: FFmpeg's name of the writer.
        codec: FFmpeg's name of the encoder.
        options: Of the encoder.
    """

    suffix: str
    demuxer: str
    muxer: str
    codec: str
    options: dict[str, str]


X264 = {"crf": QUALITY, "preset": "medium"}
MP4 = Container(".mp4", "mov", "mp4", "libx264", X264)
MOV = Container(".mov", "mov", "mov", "libx264", X264)
MKV = Container(".mkv", "matroska", "matroska", "libx264", X264)
WEBM = Container(
    ".webm", "matroska", "webm", "libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "4"}
)
AVI = Container(".avi", "avi", "avi", "libx264", {**X264, "bf": "0"})


@dataclass(frozen=True)
class WrittenVideo:
    """The properties of a video that was written.

    Attributes:
        frames: Number of frames.
        height: In px.
        width: In px.
        seconds: Length of the video.
        notes: What the input held and the output does not, for the audit.
    """

    frames: int
    height: int
    width: int
    seconds: float
    notes: tuple[str, ...]


def container_of(source: Path) -> Container:
    """Recognise the container by the first bytes of the file.

    Raises:
        MediaError: It is none of those that can be read.
    """
    with source.open("rb") as file:
        start = file.read(64)
    if start[4:8] == b"ftyp":
        return MOV if start[8:12] == b"qt  " else MP4
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM if b"webm" in start else MKV
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return AVI
    raise MediaError("is not a video in a known format; convert it to MP4, MOV, MKV, WebM or AVI")


def rewrite_video(
    source: Path, destination: Path, transform: Transform, *, keep_audio: bool = False
) -> WrittenVideo:
    """Write the frames of `source`, as `transform` changes them, into a container of the same kind.

    Args:
        source: Only read.
        destination: Written; after an error the caller must delete it.
        transform: Changes the frames.
        keep_audio: Copy the sound.

    Raises:
        MediaError: The video cannot be handled in full.
    """
    kind = container_of(source)
    try:
        with source.open("rb") as file, av.open(file, format=kind.demuxer) as reader:
            video = _only_video_stream(reader)
            with av.open(
                str(destination), "w", format=kind.muxer, options={"fflags": "+bitexact"}
            ) as writer:
                return _Rewriter(reader, writer, video, kind, keep_audio).run(transform)
    except av.FFmpegError as error:
        raise MediaError(
            f"cannot be decoded ({error.strerror or error}); repair or remove it"
        ) from None


def _only_video_stream(reader: Any) -> Any:
    videos = [
        s for s in reader.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    if len(videos) != 1:
        raise MediaError(f"has {len(videos)} video streams; split it into files of one each")
    return videos[0]


class _Rewriter:
    """Copies one video from a reader to a writer."""

    def __init__(
        self, reader: Any, writer: Any, video: Any, kind: Container, keep_audio: bool
    ) -> None:
        self.reader, self.writer, self.video, self.kind = reader, writer, video, kind
        self.audio = [
            (s, writer.add_stream_from_template(s)) for s in reader.streams.audio if keep_audio
        ]
        for _, stream in self.audio:
            stream.metadata.clear()
        self.out: Any = None
        self.times: deque[tuple[int, Any]] = deque()
        self.size: tuple[int, int] | None = None
        self.decoded = self.written = 0
        self.rotated = False
        self.last = -(1 << 62)
        self.end = Fraction(0)  # s, where the last packet that was read ends

    def run(self, transform: Transform) -> WrittenVideo:
        # The output stream is opened with the first frame, for its size; sound is written after it.
        for frame in transform(self._frames()):
            self._write(frame)
        if self.out is None or self.size is None:
            raise MediaError("has no frames; remove it")
        if self.times:
            raise RuntimeError(f"the transform returned {len(self.times)} frames too few")
        self._reject_truncated()
        self.writer.mux(self.out.encode())
        self._copy_audio()
        return WrittenVideo(self.written, *self.size, float(self.end), self._notes())

    def _frames(self) -> Iterator[np.ndarray]:
        self.video.thread_type = "AUTO"
        self.video.codec_context.options = {"err_detect": "explode"}
        step = 1 / (self.video.average_rate or Fraction(25)) / self.video.time_base
        for frame in self._decoded():
            if frame.is_corrupt:
                raise MediaError(f"is damaged at frame {self.decoded}; repair or remove it")
            if frame.color_trc in HDR_TRANSFERS:
                raise MediaError(
                    f"is HDR ({HDR_TRANSFERS[frame.color_trc]}); convert it to standard range"
                )
            array = _upright(frame)
            self.rotated = frame.rotation % 180 != 0
            if self.size is None:
                self.size = array.shape[:2]
            elif self.size != array.shape[:2]:
                raise MediaError(f"changes its size at frame {self.decoded}; split it there")
            time = frame.pts if frame.pts is not None else round(self.decoded * step)
            # Encoders reject two frames of the same time, which some cameras write.
            time = max(time, self.last + 1)
            self.last = time
            self.times.append((time, frame.duration))
            self.decoded += 1
            yield array

    def _decoded(self) -> Iterator[Any]:
        """Yield all frames, and note where the last packet of any stream ends."""
        for packet in self.reader.demux():
            if packet.pts is not None:
                self.end = max(self.end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index == self.video.index:
                yield from packet.decode()

    def _write(self, array: np.ndarray) -> None:
        if array.shape[:2] != self.size:
            raise RuntimeError(f"expected a frame of {self.size}, got {array.shape[:2]}")
        if self.out is None:
            self._open(*array.shape[:2])
        colours = default_colours(array.shape[0])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
        frame = frame.reformat(
            format=self.out.pix_fmt,
            dst_colorspace=colours,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, duration = self.times.popleft()
        frame.time_base = self.video.time_base
        if duration:
            frame.duration = duration
        self.writer.mux(self.out.encode(frame))
        self.written += 1

    def _open(self, height: int, width: int) -> None:
        out = self.writer.add_stream(
            self.kind.codec, rate=self.video.average_rate or 25, options=self.kind.options
        )
        out.width, out.height = width, height
        # Colour at half resolution needs even sides.
        out.pix_fmt = "yuv420p" if height % 2 == width % 2 == 0 else "yuv444p"
        out.time_base = out.codec_context.time_base = self.video.time_base
        out.codec_context.color_range = ColorRange.MPEG
        out.codec_context.colorspace = 5 if height <= SD_HEIGHT else 1  # BT.601 (PAL), BT.709
        if aspect := self.video.sample_aspect_ratio:
            out.codec_context.sample_aspect_ratio = 1 / aspect if self.rotated else aspect
        self.out = out

    def _reject_truncated(self) -> None:
        """Reject a file that was cut off, which FFmpeg reads without an error."""
        if self.decoded < self.video.frames:
            raise MediaError(
                f"ends after {self.decoded} of {self.video.frames} frames; repair or remove it"
            )
        length = Fraction(self.reader.duration or 0, av.time_base)
        if self.end < length - SLACK:
            raise MediaError(
                f"ends after {float(self.end):.1f} of {float(length):.1f} s; repair or remove it"
            )

    def _copy_audio(self) -> None:
        if not self.audio:
            return
        self.reader.seek(0)
        streams = {given.index: out for given, out in self.audio}
        for packet in self.reader.demux([given for given, _ in self.audio]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                self.writer.mux(packet)

    def _notes(self) -> tuple[str, ...]:
        kept = {self.video.index, *(given.index for given, _ in self.audio)}
        left = [
            str(stream.type or "data") for stream in self.reader.streams if stream.index not in kept
        ]
        notes = [f"left out: {left.count(kind)} {kind} stream(s)" for kind in sorted(set(left))]
        if self.video.codec_context.pix_fmt and "10" in self.video.codec_context.pix_fmt:
            notes.append("10-bit colours became 8-bit")
        return tuple(notes)


def default_colours(height: int) -> Colorspace:
    """Return the colour space that videos of this height use unless they name one."""
    return Colorspace.ITU601 if height <= SD_HEIGHT else Colorspace.ITU709


def _upright(frame: Any) -> np.ndarray:
    """Convert to uint8 (H, W, 3), rotated as the video asks to be shown."""
    colours = default_colours(frame.height) if frame.colorspace == UNSPECIFIED else None
    array = frame.to_ndarray(format="rgb24", src_colorspace=colours)
    quarters, rest = divmod(frame.rotation, 90)
    if rest:
        raise MediaError(f"is rotated by {frame.rotation}°; rotate it by a multiple of 90")
    return np.rot90(array, quarters)
