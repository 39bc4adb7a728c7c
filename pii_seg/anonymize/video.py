"""Rewrite videos frame by frame, in the memory of a few frames, whatever the length.

The output holds the frames, their times, and on request the sound. Everything else is left out:
other streams (subtitles, the position track of an action camera), chapters, covers, metadata. Left
out streams are noted.

A video is rejected if it cannot be decoded to its end, if its colours would come out wrong (HDR),
or if it has two video streams (`video_reader`). What is no fault of the video, a disk that is full
or fails, is an OSError.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.reformatter import ColorRange

from pii_seg.anonymize.container_ends import Announced
from pii_seg.anonymize.containers import Container, container_of
from pii_seg.anonymize.stages import ahead
from pii_seg.anonymize.video_frames import SD_HEIGHT, UNSPECIFIED, default_colours
from pii_seg.anonymize.video_reader import InputStream, VideoReader, decoding
from pii_seg.errors import MediaError

Transform = Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
"""Upright frames, uint8 (H, W, 3) -> as many of the same size. It runs in a thread of its own, and
may read a few frames ahead."""

AHEAD = 2
"""Frames that wait between two stages: decode, transform, encode. Each has a thread."""

LARGEST_ASPECT = 1 << 15  # of a pixel, both ways: what H.264 can store


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


def rewrite_video(
    source: Path,
    destination: Path,
    transform: Transform,
    *,
    keep_audio: bool = False,
    on_time: Callable[[float], None] = lambda time: None,
) -> WrittenVideo:
    """Write the frames of `source`, as `transform` changes them, into a container of the same kind.

    Containers that are not written (`containers`) become MP4.

    Args:
        source: Only read.
        destination: Written; after an error the caller must delete it.
        transform: Changes the frames.
        keep_audio: Copy the sound.
        on_time: Called with the time in s of each frame, before `transform` gets it.

    Raises:
        MediaError: The video cannot be handled in full.
        OSError: The source cannot be read, or the destination not written: no space, no rights.
    """
    kind = container_of(source)
    with source.open("rb") as file, destination.open("wb", buffering=0) as output:
        stream = InputStream(file)
        reader = VideoReader(stream, kind, _announced(stream, kind))
        try:
            rewriter = _Rewriter(reader, OutputStream(output), kind, keep_audio)
            rewriter.on_time = on_time
            return rewriter.run(transform)
        finally:
            reader.close()


def _announced(stream: InputStream, kind: Container) -> Announced:
    with decoding(stream):
        size = stream.seek(0, 2)
        announced = kind.announced(stream, size)
        stream.seek(0)
        return announced


class OutputStream:
    """A file for FFmpeg to write. Errors of the disk are kept, and told apart from its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: BaseException | None = None

    def write(self, content: bytes) -> int:
        """Write all bytes. After an error nothing more is written."""
        rest = memoryview(content)
        try:
            while rest and self.error is None:
                rest = rest[self.file.write(rest) :]
        except BaseException as error:  # FFmpeg would drop it, also a KeyboardInterrupt
            self.error = error
        return len(content)

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position."""
        return self.file.seek(position, whence)

    def tell(self) -> int:
        """Return the position."""
        return self.file.tell()

    def check(self) -> None:
        """Raise what writing raised."""
        if self.error is not None:
            raise self.error


class _Rewriter:
    """Copies one video from a reader to a file."""

    def __init__(
        self, reader: VideoReader, output: OutputStream, kind: Container, keep_audio: bool
    ) -> None:
        self.reader, self.output, self.kind = reader, output, kind.written
        self.keep_audio = keep_audio
        self.writer: Any = None
        self.audio: list[tuple[Any, Any]] = []
        self.video: Any = None
        self.times: deque[tuple[int, int]] = deque()
        self.size: tuple[int, int] | None = None
        self.written = 0
        self.on_time: Callable[[float], None] = lambda time: None

    def run(self, transform: Transform) -> WrittenVideo:
        with self._encoding():
            self.writer = av.open(
                self.output, "w", format=self.kind.muxer, options={"fflags": "+bitexact"}
            )
        try:
            # The output is opened with the first frame, for its size; sound is written after it.
            with (
                ahead(self._frames(), AHEAD) as frames,
                ahead(transform(frames), AHEAD) as changed,
            ):
                for frame in changed:
                    self._write(frame)
            if self.size is None or self.times:
                raise RuntimeError(f"the transform returned {len(self.times)} frames too few")
            with self._encoding():
                self.writer.mux(self.video.encode())
                self._copy_audio()
        except BaseException:
            self._discard()
            raise
        with self._encoding():
            self.writer.close()
        return WrittenVideo(self.written, *self.size, self.reader.seconds, self._notes())

    @contextmanager
    def _encoding(self) -> Iterator[None]:
        """Turn what FFmpeg raises into a MediaError, and raise errors of the disk as they are."""
        try:
            yield
        except av.FFmpegError as error:
            self.output.check()
            raise MediaError(
                f"cannot be written as {self.kind.suffix} ({error.strerror or error}); convert it "
                "to MP4 with H.264 first"
            ) from None
        self.output.check()

    def _discard(self) -> None:
        """Close the writer after an error, whatever it says: the output is deleted."""
        self.output.error = self.output.error or EOFError()  # so that nothing more is written
        with suppress(av.FFmpegError, ValueError):
            self.writer.close()

    def _frames(self) -> Iterator[np.ndarray]:
        for frame in self.reader.frames():
            self.times.append((frame.time, frame.duration))
            self.on_time(float(frame.time * self.reader.time_base))
            yield frame.pixels

    def _write(self, array: np.ndarray) -> None:
        size = array.shape[:2]
        if self.size not in (None, size) or not self.times:
            raise RuntimeError(f"expected a frame of {self.size} for each frame, got {size}")
        with self._encoding():
            if self.size is None:
                self._open(*size)
            self.size = size
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
            frame = frame.reformat(
                format=self.video.pix_fmt,
                dst_colorspace=default_colours(size[0]),
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, duration = self.times.popleft()
            frame.time_base = self.reader.time_base
            if duration:
                frame.duration = duration
            self.writer.mux(self.video.encode(frame))
        self.written += 1

    def _open(self, height: int, width: int) -> None:
        out = self.writer.add_stream(
            self.kind.codec, rate=self.reader.rate, options=self.kind.options
        )
        out.width, out.height = width, height
        # Colour at half resolution needs even sides.
        out.pix_fmt = "yuv420p" if height % 2 == width % 2 == 0 else "yuv444p"
        out.time_base = out.codec_context.time_base = self.reader.time_base
        out.codec_context.color_range = ColorRange.MPEG
        out.codec_context.colorspace = 5 if height <= SD_HEIGHT else 1  # BT.601 (PAL), BT.709
        if self.reader.primaries not in UNSPECIFIED:
            out.codec_context.color_primaries = self.reader.primaries
        if self.reader.transfer not in UNSPECIFIED:
            out.codec_context.color_trc = self.reader.transfer
        if aspect := self.reader.aspect:
            aspect = aspect.limit_denominator(LARGEST_ASPECT)
            if Fraction(1, LARGEST_ASPECT) <= aspect <= LARGEST_ASPECT:
                out.codec_context.sample_aspect_ratio = aspect
        self.video = out
        if self.keep_audio:
            self._add_audio()

    def _add_audio(self) -> None:
        for given in self.reader.container.streams.audio:
            name = given.codec_context.name if given.codec_context else "unknown"
            try:
                stream = self.writer.add_stream_from_template(given)
            except (av.FFmpegError, ValueError):
                raise MediaError(
                    f"has sound ({name}) that {self.kind.suffix} cannot hold; leave out "
                    "--keep-audio, or convert the video to MP4 with AAC sound first"
                ) from None
            stream.metadata.clear()
            self.audio.append((given, stream))

    def _copy_audio(self) -> None:
        if not self.audio:
            return
        if self.reader.leaps:
            raise MediaError(
                "is joined of several recordings, so that its sound cannot be kept as it is; leave "
                "out --keep-audio, or convert the video to MP4 first"
            )
        streams = {given.index: out for given, out in self.audio}
        shift = self.reader.shift * self.reader.time_base  # s
        with decoding(self.reader.source):
            self.reader.container.seek(0)
        packets = self.reader.container.demux([given for given, _ in self.audio])
        hidden: dict[int, Any] = {}
        while True:
            with decoding(self.reader.source):
                packet = next(packets, None)
            if packet is None:
                return
            if packet.dts is None:
                continue
            # What an edit list hides is not copied, but for the packet that a decoder starts with.
            index = packet.stream.index
            if packet.is_discard:
                hidden[index] = packet
                continue
            if before := hidden.pop(index, None):
                self._mux_audio(before, streams[index], shift)
            self._mux_audio(packet, streams[index], shift)

    def _mux_audio(self, packet: Any, stream: Any, shift: Fraction) -> None:
        ticks = round(shift / packet.time_base)
        packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks
        packet.stream = stream
        self.writer.mux(packet)
        self.output.check()

    def _notes(self) -> tuple[str, ...]:
        kept = {self.reader.video.index, *(given.index for given, _ in self.audio)}
        left = [
            str(stream.type or "data")
            for stream in self.reader.container.streams
            if stream.index not in kept
        ]
        notes = [f"left out: {left.count(kind)} {kind} stream(s)" for kind in sorted(set(left))]
        return (*notes, *self.reader.notes())
