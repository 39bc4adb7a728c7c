"""Films, frame by frame, written anew: memory is that of a few frames, whatever the length.

What comes out holds the frames, their times, and on request the sound. Everything else is left behind and named: other
streams (subtitles, the position track of an action camera), chapters, covers, metadata.

A film that cannot be decoded to its end is refused, as is one whose colours would come out wrong (HDR) and one with two
pictures. The file is opened here and its kind read from its first bytes, so nothing in it makes the demuxer open
another.
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
"""uint8 (H, W, 3) frames, upright, to as many of the same size. It may look ahead by a few."""

QUALITY = "18"  # x264's scale: about as good as the eye can tell
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
# Pixels: up to here films that do not say so use the colours of ITU-R BT.601, above those of BT.709.
SD_HEIGHT = 576
UNSAID = 2  # FFmpeg's number of a colour space that a film does not name
SLACK = Fraction(
    1, 4
)  # s, by which a film may end before its header says: a last frame's length is a guess


@dataclass(frozen=True)
class Container:
    """A kind of file. demuxer, muxer: as FFmpeg calls them."""

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
class Film:
    """What was written. seconds: of the film. notes: what was in the file and was left out."""

    frames: int
    height: int
    width: int
    seconds: float
    notes: tuple[str, ...]


def container_of(source: Path) -> Container:
    """By its first bytes. Raises MediaError."""
    with source.open("rb") as file:
        start = file.read(64)
    if start[4:8] == b"ftyp":
        return MOV if start[8:12] == b"qt  " else MP4
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM if b"webm" in start else MKV
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return AVI
    raise MediaError("is no film that can be read; convert it to MP4, MOV, MKV, WebM or AVI")


def rewrite(
    source: Path, destination: Path, transform: Transform, *, keep_audio: bool = False
) -> Film:
    """Write `source`'s frames, as `transform` makes them, to `destination`, in the same kind of container.

    Raises MediaError when the film cannot be handled in full; what is at `destination` then is for the caller to
    delete.
    """
    kind = container_of(source)
    try:
        with source.open("rb") as file, av.open(file, format=kind.demuxer) as reader:
            video = _only_picture(reader)
            with av.open(
                str(destination), "w", format=kind.muxer, options={"fflags": "+bitexact"}
            ) as writer:
                return _Rewriting(reader, writer, video, kind, keep_audio).run(transform)
    except av.FFmpegError as error:
        raise MediaError(
            f"cannot be decoded ({error.strerror or error}); repair or remove it"
        ) from None


def _only_picture(reader: Any) -> Any:
    videos = [
        s for s in reader.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    if len(videos) != 1:
        raise MediaError(f"holds {len(videos)} pictures; cut it into films of one each")
    return videos[0]


class _Rewriting:
    """One film on its way from reader to writer."""

    def __init__(
        self, reader: Any, writer: Any, video: Any, kind: Container, keep_audio: bool
    ) -> None:
        self.reader, self.writer, self.video, self.kind = reader, writer, video, kind
        self.sound = [
            (s, writer.add_stream_from_template(s)) for s in reader.streams.audio if keep_audio
        ]
        for _, stream in self.sound:
            stream.metadata.clear()
        self.out: Any = None
        self.times: deque[tuple[int, Any]] = deque()
        self.size: tuple[int, int] | None = None
        self.decoded = self.written = 0
        self.on_its_side = False
        self.last = -(1 << 62)
        self.end = Fraction(0)  # s, of all that was read

    def run(self, transform: Transform) -> Film:
        # The output's stream is made with the first frame, whose size it takes; sound waits for it.
        for frame in transform(self._frames()):
            self._write(frame)
        if self.out is None or self.size is None:
            raise MediaError("holds no frame")
        if self.times:
            raise RuntimeError(f"{len(self.times)} frames went in and did not come out")
        self._refuse_cut_short()
        self.writer.mux(self.out.encode())
        self._copy_sound()
        return Film(self.written, *self.size, float(self.end), self._notes())

    def _frames(self) -> Iterator[np.ndarray]:
        self.video.thread_type = "AUTO"
        self.video.codec_context.options = {"err_detect": "explode"}
        step = 1 / (self.video.average_rate or Fraction(25)) / self.video.time_base
        for frame in self._decoded():
            if frame.is_corrupt:
                raise MediaError(f"is damaged at frame {self.decoded}; repair or remove it")
            if frame.color_trc in HDR_TRANSFERS:
                raise MediaError(
                    f"is HDR ({HDR_TRANSFERS[frame.color_trc]}); convert it to an ordinary range first"
                )
            array = _upright(frame)
            self.on_its_side = frame.rotation % 180 != 0
            if self.size is None:
                self.size = array.shape[:2]
            elif self.size != array.shape[:2]:
                raise MediaError(f"changes its size at frame {self.decoded}; cut it there")
            time = frame.pts if frame.pts is not None else round(self.decoded * step)
            time = max(
                time, self.last + 1
            )  # encoders refuse two frames of one time, which some cameras write
            self.last = time
            self.times.append((time, frame.duration))
            self.decoded += 1
            yield array

    def _decoded(self) -> Iterator[Any]:
        """All frames; on the way, where the last packet of any stream ends."""
        for packet in self.reader.demux():
            if packet.pts is not None:
                self.end = max(self.end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index == self.video.index:
                yield from packet.decode()

    def _write(self, array: np.ndarray) -> None:
        if array.shape[:2] != self.size:
            raise RuntimeError(f"a frame of {self.size} came out as {array.shape[:2]}")
        if self.out is None:
            self._open(*array.shape[:2])
        colours = usual_colours(array.shape[0])
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
            out.codec_context.sample_aspect_ratio = 1 / aspect if self.on_its_side else aspect
        self.out = out

    def _refuse_cut_short(self) -> None:
        """FFmpeg takes a file that ends too soon for one that ends."""
        if self.decoded < self.video.frames:
            raise MediaError(
                f"ends after {self.decoded} of {self.video.frames} frames; repair or remove it"
            )
        length = Fraction(self.reader.duration or 0, av.time_base)
        if self.end < length - SLACK:
            raise MediaError(
                f"ends after {float(self.end):.1f} of {float(length):.1f} s; repair or remove it"
            )

    def _copy_sound(self) -> None:
        if not self.sound:
            return
        self.reader.seek(0)
        streams = {given.index: out for given, out in self.sound}
        for packet in self.reader.demux([given for given, _ in self.sound]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                self.writer.mux(packet)

    def _notes(self) -> tuple[str, ...]:
        kept = {self.video.index, *(given.index for given, _ in self.sound)}
        left = [
            str(stream.type or "data") for stream in self.reader.streams if stream.index not in kept
        ]
        notes = [f"left out: {left.count(kind)} {kind} stream(s)" for kind in sorted(set(left))]
        if self.video.codec_context.pix_fmt and "10" in self.video.codec_context.pix_fmt:
            notes.append("10-bit colours became 8-bit")
        return tuple(notes)


def usual_colours(height: int) -> Colorspace:
    """Of a film of so many lines."""
    return Colorspace.ITU601 if height <= SD_HEIGHT else Colorspace.ITU709


def _upright(frame: Any) -> np.ndarray:
    """uint8 (H, W, 3), turned as the film asks to be shown."""
    colours = usual_colours(frame.height) if frame.colorspace == UNSAID else None
    array = frame.to_ndarray(format="rgb24", src_colorspace=colours)
    quarters, rest = divmod(frame.rotation, 90)
    if rest:
        raise MediaError(f"is turned by {frame.rotation}°; turn it by a multiple of 90")
    return np.rot90(array, quarters)
