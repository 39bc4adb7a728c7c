"""Small videos of every container that is read, made by the tests."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np

from pii_seg.anonymize.containers import recognised
from pii_seg.anonymize.video_reader import InputStream, TimedFrame, VideoReader, decoding
from pii_seg.errors import MediaError

HEIGHT, WIDTH = 32, 48
FRAMES = 12
COLOUR = (200, 60, 30)


@dataclass(frozen=True)
class Kind:
    """A way to write a video.

    Attributes:
        muxer, codec: FFmpeg's names.
        options: Of the encoder.
        container: Options of the muxer.
        pixels: FFmpeg's name of the pixel format.
        suffix: Of the output that it becomes.
    """

    muxer: str
    codec: str
    suffix: str = ".mp4"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"


SHORT_GROUPS = {"g": "4", "crf": "20"}
KINDS = {
    "mp4": Kind("mp4", "libx264"),
    "index first": Kind("mp4", "libx264", container={"movflags": "faststart"}),
    "fragments": Kind(
        "mp4", "libx264", options=SHORT_GROUPS, container={"movflags": "frag_keyframe+empty_moov"}
    ),
    "fragments without index": Kind(
        "mp4",
        "libx264",
        options=SHORT_GROUPS,
        container={"movflags": "frag_keyframe+empty_moov+skip_trailer+default_base_moof"},
    ),
    "dash": Kind(
        "mp4",
        "libx264",
        options=SHORT_GROUPS,
        container={"movflags": "dash+global_sidx+frag_keyframe"},
    ),
    "mov": Kind("mov", "mjpeg", ".mov", pixels="yuvj420p"),
    "3gp": Kind("3gp", "mpeg4"),
    "mkv": Kind("matroska", "libx264", ".mkv"),
    "live mkv": Kind("matroska", "mpeg4", ".mkv", container={"live": "1"}),
    "webm": Kind("webm", "libvpx-vp9", ".webm", options={"deadline": "realtime", "cpu-used": "8"}),
    "avi": Kind("avi", "mpeg4", ".avi"),
    "mts": Kind("mpegts", "libx264", container={"mpegts_m2ts_mode": "1"}),
    "ts": Kind("mpegts", "mpeg2video"),
    "vob": Kind("vob", "mpeg2video"),
    "mpg": Kind("mpeg", "mpeg1video"),
    "wmv": Kind("asf", "wmv2"),
    "flv": Kind("flv", "flv"),
    "flv with h264": Kind("flv", "libx264"),
}
"""Name -> how it is written."""

STREAMS = ("mts", "ts", "vob", "mpg")
"""Those that may end after any packet; all others say how long they are."""


def frame_of(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Draw noise, a white upper left corner, and a bar whose position is the frame's number."""
    array = np.full((height, width, 3), COLOUR, np.uint8)
    noise = np.random.default_rng(number).integers(0, 255, (height // 3, width // 2, 3))
    array[height // 2 : height // 2 + height // 3, : width // 2] = noise
    array[-4:, 3 * number % width : 3 * number % width + 6] = 255
    array[: height // 4, : width // 4] = 255
    return array


def encode(
    kind: Kind,
    frames: int = FRAMES,
    *,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    draw: Callable[[int, int, int], np.ndarray] = frame_of,
    sound: str | None = None,
    prepare: Callable[[Any], None] = lambda stream: None,
) -> bytes:
    """Write a video of 25 frames a second into memory.

    Args:
        kind: A value of KINDS.
        frames: Number of frames.
        size: Height and width.
        draw: Draws a frame of a number and a size.
        sound: FFmpeg's name of an audio codec.
        prepare: Called with the stream before the first frame.
    """
    with (
        tempfile.NamedTemporaryFile() as file,  # not in memory: some writers read it again
        av.open(file.name, "w", format=kind.muxer, options=kind.container) as container,
    ):
        stream: Any = container.add_stream(kind.codec, rate=25, options=kind.options)
        stream.height, stream.width = size
        stream.pix_fmt = kind.pixels
        prepare(stream)
        audio: Any = container.add_stream(sound, rate=44100) if sound else None
        if audio is not None:
            audio.bit_rate = 64_000
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number, *size), format="rgb24")
            frame = frame.reformat(format=kind.pixels)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            _add_tone(container, audio)
        container.close()
        return Path(file.name).read_bytes()


def _add_tone(container: Any, audio: Any) -> None:
    layout = "stereo"
    tone = np.sin(np.arange(1152 * 16).reshape(1, -1) / 9)
    for number in range(8):
        heard = av.AudioFrame.from_ndarray(
            (np.repeat(tone, 2, 0)[:, number * 2304 : number * 2304 + 2304]).astype(np.float32),
            format="fltp",
            layout=layout,
        )
        heard.rate, heard.pts = 44100, number * 2304
        container.mux(audio.encode(heard))
    container.mux(audio.encode())


@cache
def video(name: str) -> bytes:
    """Return the video of a name in KINDS."""
    return encode(KINDS[name])


def decode(content: bytes, file: BinaryIO | None = None) -> list[TimedFrame]:
    """Read all frames as the program does, without writing them.

    Args:
        content: The video.
        file: Where it is read from, instead of memory.

    Raises:
        MediaError: The video cannot be handled in full.
    """
    kind = recognised(content[:1024])
    if kind is None:
        raise MediaError("is not a video in a known format")
    stream = InputStream(file or io.BytesIO(content))
    with decoding(stream):
        announced = kind.announced(stream, len(content))
        stream.seek(0)
    reader = VideoReader(stream, kind, announced)
    try:
        frames = list(reader.frames())
        reader.notes()
    finally:
        reader.close()
    return frames


def unchanged(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    return frames
