"""Decode the frames of a video as players show them, or reject it.

Only those frames are yielded that the edit list shows. Frames that cannot be decoded are never
passed over: packets are counted, and compared with what the container announces and with the frames
that came of them.
"""

from __future__ import annotations

import errno
import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np

from pii_seg.anonymize.container_ends import REMEDY, Announced
from pii_seg.anonymize.containers import Container
from pii_seg.anonymize.image_reader import flat_notes
from pii_seg.anonymize.video_frames import Turn, frame_losses, to_pixels, turn_of
from pii_seg.data.shown import LEAST_CONTRAST, contrast
from pii_seg.errors import MediaError

MOST_PIXELS = 70_000_000
"""Pixels of one frame: more than the largest of cameras, 11,520 × 5,760."""

MOST_STREAMS = 100
SLACK = Fraction(1, 4)
"""s, by which a video may end before its header says: the length of the last frame is a guess."""

LEAP = 10
"""s; a stream whose time jumps further begins anew there, as a recorder that was paused does."""

RATES = (Fraction(1, 3600), Fraction(1000))
"""Frames in a second, least and most, that are believed."""

DECODER_THREADS = 2

TINY = 19
"""Bytes of an MPEG-4 packet that only says to show the last frame again."""


@dataclass(frozen=True)
class TimedFrame:
    """A frame as players show it.

    Attributes:
        pixels: uint8 (H, W, 3), upright.
        time: In the reader's time base; grows from frame to frame.
        duration: In the reader's time base; 0 if the video does not say.
    """

    pixels: np.ndarray
    time: int
    duration: int


class InputStream:
    """A file for FFmpeg to read. Errors of the disk are kept, and told apart from damage."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: BaseException | None = None

    def read(self, count: int) -> bytes:
        """Read up to `count` bytes."""
        try:
            return self.file.read(count)
        except BaseException as error:  # FFmpeg would drop it, also a KeyboardInterrupt
            self.error = self.error or error
            return b""

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position."""
        try:
            return self.file.seek(position, whence)
        except (OSError, ValueError, OverflowError):  # a damaged file can send FFmpeg anywhere
            return -errno.EINVAL

    def tell(self) -> int:
        """Return the position."""
        return self.file.tell()

    def check(self) -> None:
        """Raise what reading raised."""
        if self.error is not None:
            raise self.error


class VideoReader:
    """The frames of one video, and what there is to say about it when all are read."""

    def __init__(self, source: InputStream, kind: Container, announced: Announced) -> None:
        """Open a video.

        Raises:
            MediaError: It cannot be handled in full.
        """
        self.source, self.kind, self.announced = source, kind, announced
        with decoding(source):
            self.container = av.open(
                source,
                "r",
                format=kind.demuxer,
                options={"max_pixels": str(MOST_PIXELS)},
                metadata_errors="replace",
            )
        try:
            with decoding(source):
                self.video = _only_video_stream(self.container)
                self.time_base: Fraction = self.video.time_base
                self.rate = _rate(self.video)
        except BaseException:
            self.container.close()
            raise
        self.end = Fraction(0)  # s, where the last packet that was read ends
        self.aspect: Fraction | None = None  # of a pixel, upright
        self.step = max(1, round(1 / self.rate / self.time_base))
        self.primaries = self.transfer = 2
        self.start = round((self.container.start_time or 0) / av.time_base / self.time_base)
        self.shift = -self.start if kind.stream else 0
        self.leaps = False
        self._count = _Count(self.video.codec_context.name)
        self._losses: list[str] = []
        self._flat = array("L")  # numbers of the frames on which nothing can be seen
        self._size: tuple[int, int] | None = None
        self._turn, self._rotation = Turn(), 0
        self._last: int | None = None

    @property
    def seconds(self) -> float:
        """Length of the video, as far as it was read."""
        return float(self.end - (self.start * self.time_base if self.kind.stream else 0))

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def frames(self) -> Iterator[TimedFrame]:
        """Yield all frames.

        Raises:
            MediaError: The video cannot be decoded in full.
            OSError: It cannot be read from the disk.
        """
        frames = self._decoded()
        while True:
            with decoding(self.source):
                frame = next(frames, None)
                if frame is None:
                    break
                timed = self._convert(frame)
            yield timed
        self.source.check()
        if not self._count.frames:
            raise MediaError("has no frames; give a file that plays")
        self._check_end()

    def notes(self) -> list[str]:
        """Say what the frames do not hold any more."""
        flat = flat_notes(self._flat, self._count.frames)
        notes = [*self.announced.notes, *self._losses, *flat]
        if hidden := self._hidden():
            notes.append(f"left out: {hidden} frame(s) that the edit list of the video hides")
        if self._count.before:
            notes.append(
                f"left out: {self._count.before} frame(s) before the first that can be shown: the "
                "file begins in the middle of a recording"
            )
        return notes

    def _hidden(self) -> int:
        """Count the frames that the edit list hides."""
        if self.announced.shown is None and not self._count.discarded:
            return 0
        return max(0, self.video.frames - self._count.frames)

    def _decoded(self) -> Iterator[Any]:
        """Decode all packets of the video, and note where the last packet of any stream ends."""
        context = self.video.codec_context
        # Threads that decode several frames at a time drop the error of the last ones.
        context.thread_type = "SLICE"
        # As many as there are cores by default: on a loaded machine they wait for each other.
        context.thread_count = DECODER_THREADS
        context.options = {"err_detect": "explode", "max_pixels": str(MOST_PIXELS)}
        for packet in self.container.demux():
            if packet.pts is not None and packet.time_base:
                self.end = max(self.end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index != self.video.index:
                continue
            if packet.is_corrupt:
                raise MediaError(f"is damaged at frame {self._count.frames}; {REMEDY}")
            if not self._count.add(packet, may_begin_anywhere=self.kind.stream):
                continue
            for frame in packet.decode():
                self._count.add_frame(frame)
                yield frame

    def _convert(self, frame: Any) -> TimedFrame:
        number = self._count.frames - 1
        if frame.is_corrupt:
            raise MediaError(f"is damaged at frame {number}; {REMEDY}")
        # Not for every frame: PyAV keeps those whose matrix was read until garbage is collected.
        if self._size is None or frame.rotation != self._rotation:
            self._turn, self._rotation = turn_of(frame), frame.rotation
        pixels = np.ascontiguousarray(self._turn(to_pixels(frame)))
        if self._size is None:
            self._size = pixels.shape[:2]
            self._read_properties(frame)
        elif self._size != pixels.shape[:2]:
            raise MediaError(
                f"changes its size at frame {number}; save it at one size with a video editor"
            )
        if contrast(pixels) < LEAST_CONTRAST:
            self._flat.append(number + 1)
        duration = frame.duration or 0
        time = frame.pts if frame.pts is not None else round(number * self.step)
        return TimedFrame(pixels, self._placed(time), duration)

    def _placed(self, time: int) -> int:
        """Move a time so that times grow, and a stream that was joined of several has no leaps."""
        time += self.shift
        if self._last is not None:
            leap = (time - self._last) * self.time_base
            if self.kind.stream and abs(leap) > LEAP:
                self.shift += self._last + self.step - time
                time, self.leaps = self._last + self.step, True
            # Encoders reject two frames of the same time, which some cameras write.
            time = max(time, self._last + 1)
        self._last = time
        return time

    def _read_properties(self, frame: Any) -> None:
        """Note what the output keeps, and what it loses."""
        if aspect := self.video.sample_aspect_ratio:
            self.aspect = 1 / aspect if self._turn.swaps else aspect
        self.primaries, self.transfer = frame.color_primaries, frame.color_trc
        self._losses = frame_losses(frame)

    def _check_end(self) -> None:
        """Reject a file that was cut off, which FFmpeg reads without an error."""
        count, expected = self._count, self.announced.packets
        if self.kind.demuxer == "mov":
            expected = len(self.video.index_entries)
        if expected is not None and count.packets < expected:
            raise MediaError(f"ends after {count.packets} of {expected} frames; {REMEDY}")
        if lost := count.finish():
            raise MediaError(f"has {lost} frame(s) that cannot be decoded; {REMEDY}")
        length = max(
            Fraction(self.container.duration or 0, av.time_base),
            Fraction(self.announced.seconds or 0).limit_denominator(1000),
        )
        if self.seconds < length - SLACK:
            raise MediaError(f"ends after {self.seconds:.1f} of {float(length):.1f} s; {REMEDY}")
        # Frames that are hidden are never written, even if FFmpeg gives up on the edit list.
        last = float(((self._last or 0) - self.step) * self.time_base)
        if self.announced.shown is not None and last > self.announced.shown:
            raise MediaError(
                "has an edit list that cannot be followed; save it anew with a video editor, as it "
                "shall be seen"
            )


class _Count:
    """Compares packets with the frames that come of them."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self.packets = self.frames = self.discarded = 0
        self.before = 0  # frames that no player shows, as those that they depend on are missing
        self._due = self._leading = self._leading_frames = 0
        self._interlaced = self._begun = False
        self._first: int | None = None  # time of the first key frame

    def add(self, packet: Any, *, may_begin_anywhere: bool) -> bool:
        """Count a packet; return whether to decode it."""
        if not packet.size:
            return True  # it ends the stream
        self.packets += 1
        if not self._begun and may_begin_anywhere and not packet.is_keyframe:
            self.before += 1
            return False
        if not self._begun:
            self._begun, self._first = True, packet.pts
        if packet.is_discard:
            self.discarded += 1
        elif self._is_leading(packet.pts):
            self._leading += 1
        elif not _shows_nothing(packet, self.codec):
            self._due += 1
        return True

    def add_frame(self, frame: Any) -> None:
        """Count a decoded frame."""
        self.frames += 1
        self._interlaced |= frame.interlaced_frame
        self._leading_frames += self._is_leading(frame.pts)

    def _is_leading(self, time: int | None) -> bool:
        """Whether it is shown before the first key frame, and may depend on frames before it."""
        return time is not None and self._first is not None and time < self._first

    def finish(self) -> int:
        """Return the number of frames that were lost."""
        self.before += max(0, self._leading - self._leading_frames)
        # The two fields of an interlaced frame may come in packets of their own.
        due = math.ceil(self._due / 2) if self._interlaced else self._due
        return max(0, due - (self.frames - self._leading_frames))


def _shows_nothing(packet: Any, codec: str) -> bool:
    """Whether a packet holds no frame of its own to show."""
    if codec == "vp8":  # RFC 6386, section 9.1: the bit show_frame
        return not bytes(packet)[0] & 0x10
    return codec == "mpeg4" and packet.size <= TINY


def _only_video_stream(container: Any) -> Any:
    if len(container.streams) > MOST_STREAMS:
        raise MediaError(
            f"has {len(container.streams)} streams, more than {MOST_STREAMS}; save the video "
            "alone: ffmpeg -i FILE -map 0:v:0 -c copy NEW.mkv"
        )
    videos = [
        s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    if not videos:
        raise MediaError("has no video, only " + _kinds(container) + "; leave it out")
    if len(videos) > 1:
        raise MediaError(
            f"has {len(videos)} video streams; save each alone: ffmpeg -i FILE -map 0:v:0 -c copy "
            "NEW.mkv"
        )
    video = videos[0]
    if video.codec_context is None:
        raise MediaError("is coded in a way that is not known here; convert it to H.264")
    pixels = video.codec_context.width * video.codec_context.height
    if pixels > MOST_PIXELS:
        raise MediaError(
            f"has frames of {pixels / 1e6:.1f} megapixels, more than {MOST_PIXELS / 1e6:.1f}; "
            "make it smaller with a video editor"
        )
    if not video.time_base or video.time_base <= 0:
        raise MediaError("says nothing about its times; convert it to MP4")
    return video


def _kinds(container: Any) -> str:
    kinds = {str(stream.type or "data") for stream in container.streams}
    return " and ".join(sorted(kinds)) if kinds else "an empty container"


def _rate(video: Any) -> Fraction:
    for rate in (video.average_rate, video.guessed_rate):
        if rate and RATES[0] <= rate <= RATES[1]:
            return Fraction(rate).limit_denominator(100_000)
    return Fraction(25)


@contextmanager
def decoding(source: InputStream) -> Iterator[None]:
    """Turn what FFmpeg raises into a MediaError, and raise errors of the disk as they are."""
    try:
        yield
    except MediaError:
        source.check()
        raise
    except Exception as error:  # hostile files make demuxers raise nearly anything
        source.check()
        raise MediaError(_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "needs more memory than there is; make it smaller"
    if isinstance(error, av.error.DecoderNotFoundError | av.error.PatchWelcomeError):
        return "is coded in a way that is not known here; convert it to H.264"
    text = error.strerror if isinstance(error, av.FFmpegError) else type(error).__name__
    return f"cannot be decoded ({text or error}); {REMEDY}"
