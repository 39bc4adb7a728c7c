"""Videos keep every frame and its time and nothing else, or are rejected."""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from pii_seg.anonymize.containers import container_of
from pii_seg.anonymize.video import rewrite_video
from pii_seg.errors import MediaError
from tests.pii_seg.anonymize.conftest import CANARY

HEIGHT, WIDTH = 48, 64
TIMES = [0, 40, 80, 200, 240, 300, 340, 380, 420, 500]  # ms: no constant rate
COLOUR = (200, 60, 30)
CONTAINERS = {
    "mp4": "libx264",
    "mov": "libx264",
    "mkv": "libx264",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
}


def frame_of(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Draw a white square that moves over one colour."""
    array = np.full((height, width, 3), COLOUR, np.uint8)
    array[10:20, 4 * number % width : 4 * number % width + 10] = 255
    return array


def write_video(
    path: Path,
    frames: int = len(TIMES),
    *,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    sound: bool = False,
    container_options: dict[str, str] | None = None,
) -> Path:
    codec = CONTAINERS[path.suffix[1:]]
    with av.open(str(path), "w", options=container_options or {}) as container:
        container.metadata.update({"title": CANARY, "comment": CANARY, "location": CANARY})
        stream = container.add_stream(codec, rate=25, options={"crf": "12"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p" if size[0] % 2 == size[1] % 2 == 0 else "yuv444p"
        if codec != "mpeg4":
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        audio = container.add_stream("aac", rate=8000) if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(frame_of(number, *size), format="rgb24")
            frame.pts = (
                number
                if codec == "mpeg4"
                else TIMES[number]
                if number < len(TIMES)
                else 40 * number + 200
            )
            frame.time_base = Fraction(1, 25) if codec == "mpeg4" else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            tone = np.sin(np.arange(4096) / 4)[None].astype(np.float32)
            heard = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            heard.rate, heard.pts = 8000, 0
            container.mux(audio.encode(heard))
            container.mux(audio.encode())
    return path


def read_video(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = [
            (f.to_ndarray(format="rgb24"), float(f.pts * f.time_base))
            for f in container.decode(video=0)
        ]
    return [array for array, _ in frames], [time for _, time in frames]


def unchanged(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    return frames


@pytest.mark.parametrize("kind", sorted(CONTAINERS))
def test_frames_times_and_colours_are_kept(tmp_path: Path, kind: str) -> None:
    source = write_video(tmp_path / f"in.{kind}")
    facts = rewrite_video(source, tmp_path / "out", unchanged)
    assert container_of(tmp_path / "out").suffix == f".{kind}"
    before, after = read_video(source), read_video(tmp_path / "out")
    assert facts.frames == len(after[0]) == len(TIMES)
    late = after[1][0] - before[1][0]  # AVI stores no times: some writers begin a frame late
    assert late == pytest.approx(0, abs=0.041 if kind == "avi" else 1e-3)
    assert after[1] == pytest.approx([time + late for time in before[1]], abs=1e-3)
    for one, other in zip(before[0], after[0], strict=True):
        assert np.abs(one.astype(int) - other).mean() < 4
    assert np.abs(after[0][0][40, 40].astype(int) - COLOUR).max() < 12


def test_the_transform_changes_every_frame(tmp_path: Path) -> None:
    def black(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        return (np.zeros_like(frame) for frame in frames)

    rewrite_video(write_video(tmp_path / "in.mp4"), tmp_path / "out", black)
    assert max(frame.max() for frame in read_video(tmp_path / "out")[0]) < 6


@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_metadata_and_sound_are_left_out(tmp_path: Path, kind: str) -> None:
    source = write_video(tmp_path / f"in.{kind}", sound=True)
    assert CANARY.encode() in source.read_bytes()
    facts = rewrite_video(source, tmp_path / "out", unchanged)
    assert CANARY.encode() not in (tmp_path / "out").read_bytes()
    assert facts.notes == ("left out: 1 audio stream(s)",)
    with av.open(str(tmp_path / "out")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_sound_is_kept_on_request(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", sound=True)
    facts = rewrite_video(source, tmp_path / "out", unchanged, keep_audio=True)
    assert facts.notes == ()

    def heard(path: Path) -> np.ndarray:
        with av.open(str(path)) as container:
            return np.concatenate(
                [frame.to_ndarray() for frame in container.decode(audio=0)], axis=1
            )

    np.testing.assert_array_equal(heard(tmp_path / "out"), heard(source))
    assert CANARY.encode() not in (tmp_path / "out").read_bytes()


def test_odd_sides_stay_odd(tmp_path: Path) -> None:
    rewrite_video(write_video(tmp_path / "in.mp4", size=(31, 45)), tmp_path / "out", unchanged)
    assert read_video(tmp_path / "out")[0][0].shape == (31, 45, 3)


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4")
    rewrite_video(source, tmp_path / "one", unchanged)
    rewrite_video(source, tmp_path / "two", unchanged)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    short = write_video(tmp_path / "short.mp4", 40, size=(240, 320))
    long = write_video(tmp_path / "long.mp4", 400, size=(240, 320))
    rewrite_video(short, tmp_path / "out", unchanged)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rewrite_video(long, tmp_path / "out", unchanged)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 40  # MB; 360 more frames are 83 MB


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "webm"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_video_is_rejected(tmp_path: Path, kind: str, share: float) -> None:
    source = write_video(
        tmp_path / f"in.{kind}",
        100,
        container_options={"movflags": "faststart"} if kind == "mp4" else None,
    )
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])
    try:
        facts = rewrite_video(source, tmp_path / "out", unchanged)
    except MediaError:
        return
    assert facts.frames == 100  # only an index was cut off


def test_damage_in_the_middle_is_rejected(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", 60)
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    source.write_bytes(content)
    with pytest.raises(MediaError):
        rewrite_video(source, tmp_path / "out", unchanged)


@pytest.mark.parametrize(
    "content",
    [b"", b"#EXTM3U\nhttp://192.0.2.1/a.ts\n", b"ffconcat version 1.0\nfile secret.mp4\n"],
)
def test_other_files_and_playlists_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.mp4").write_bytes(content)
    with pytest.raises(MediaError, match="not a video"):
        rewrite_video(tmp_path / "in.mp4", tmp_path / "out", unchanged)


def test_two_video_streams_are_rejected(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_of(0), format="rgb24")))
            container.mux(stream.encode())
    with pytest.raises(MediaError, match="2 video streams"):
        rewrite_video(tmp_path / "in.mkv", tmp_path / "out", unchanged)


def test_a_transform_that_drops_frames_is_an_error(tmp_path: Path) -> None:
    def lossy(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        return (frame for number, frame in enumerate(frames) if number % 2)

    with pytest.raises(RuntimeError, match="too few"):
        rewrite_video(write_video(tmp_path / "in.mp4"), tmp_path / "out", lossy)


def write_colours(
    path: Path, matrix: Colorspace, *, named: bool, height: int, full: bool = False
) -> Path:
    """Write three frames of COLOUR with a white upper left corner.

    named: The video names its colour space.
    """
    reach = ColorRange.JPEG if full else ColorRange.MPEG
    array = np.full((height, WIDTH, 3), COLOUR, np.uint8)
    array[:20, :20] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.height, stream.width, stream.pix_fmt = height, WIDTH, "yuv420p"
        stream.codec_context.color_range = reach
        if named:
            stream.codec_context.colorspace = 1 if matrix == Colorspace.ITU709 else 5
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=matrix,
                src_color_range=ColorRange.JPEG,
                dst_color_range=reach,
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("matrix", "named", "height", "full"),
    [
        (Colorspace.ITU709, False, 720, False),
        (Colorspace.ITU709, True, 720, False),
        (Colorspace.ITU601, True, 720, False),
        (Colorspace.ITU601, False, 480, False),
        (Colorspace.ITU709, True, 480, False),
        (Colorspace.ITU709, True, 720, True),
    ],
)
def test_colours_follow_the_colour_space_of_the_video(
    matrix: Colorspace, named: bool, height: int, full: bool, tmp_path: Path
) -> None:
    source = write_colours(tmp_path / "in.mp4", matrix, named=named, height=height, full=full)
    seen: list[np.ndarray] = []

    def recorded(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for frame in frames:
            seen.append(frame)
            yield frame

    rewrite_video(source, tmp_path / "out.mp4", recorded)
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = next(container.decode(video=0))
        assert shown.colorspace == (1 if height == 720 else 5)  # named in any case
        for array in (seen[0], shown.to_ndarray(format="rgb24")):
            np.testing.assert_allclose(array[100, 40], COLOUR, atol=5)


def test_a_rotated_video_becomes_upright(tmp_path: Path) -> None:
    source = write_colours(tmp_path / "in.mp4", Colorspace.ITU601, named=True, height=HEIGHT)
    content = source.read_bytes()
    # ISO/IEC 14496-12 §8.3.2: the matrix of a track's header, here a quarter turn clockwise.
    start = content.index(b"tkhd") + 44
    turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    source.write_bytes(content[:start] + turn + content[start + len(turn) :])
    video = rewrite_video(source, tmp_path / "out.mp4", unchanged)
    assert (video.height, video.width) == (WIDTH, HEIGHT)
    first = read_video(tmp_path / "out.mp4")[0][0]
    np.testing.assert_allclose(first[5, -5], 255, atol=6)
    np.testing.assert_allclose(first[5, 5], COLOUR, atol=12)
