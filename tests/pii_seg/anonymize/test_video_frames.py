"""Frames are searched and written as players show them: turned, trimmed, with their colours."""

from __future__ import annotations

import errno
import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii_seg.anonymize.video import rewrite_video
from pii_seg.errors import MediaError
from tests.pii_seg.anonymize.videos import (
    COLOUR,
    FRAMES,
    HEIGHT,
    KINDS,
    WIDTH,
    Kind,
    decode,
    encode,
    frame_of,
    unchanged,
    video,
)

ONE = 1 << 16
MATRICES = {  # a, b, c, d of the display matrix -> the upright frame
    (1, 0, 0, 1): lambda a: a,
    (-1, 0, 0, 1): lambda a: a[:, ::-1],
    (1, 0, 0, -1): lambda a: a[::-1],
    (-1, 0, 0, -1): lambda a: a[::-1, ::-1],
    (0, 1, -1, 0): lambda a: np.rot90(a, -1),
    (0, -1, 1, 0): lambda a: np.rot90(a),
    (0, 1, 1, 0): lambda a: a.swapaxes(0, 1),
    (0, -1, -1, 0): lambda a: np.rot90(a, -1)[:, ::-1].swapaxes(0, 1)[::-1].swapaxes(0, 1),
}


def with_matrix(content: bytes, a: float, b: float, c: float, d: float) -> bytes:
    """Write the matrix of a track's header (ISO/IEC 14496-12 §8.3.2)."""
    start = content.index(b"tkhd") + 44
    numbers = (round(v * ONE) for v in (a, b, 0, c, d, 0, 0, 0))
    matrix = struct.pack(">9i", *numbers, 1 << 30)
    return content[:start] + matrix + content[start + len(matrix) :]


def with_edits(content: bytes, seconds: float, start: float, rate: int = ONE) -> bytes:
    """Change the edit list: show `seconds` from `start` on. Times are in FFmpeg's clocks."""
    place = content.index(b"elst") + 12
    scale = int.from_bytes(content[(at := content.index(b"mdhd") + 16) : at + 4])
    old = struct.unpack(">i", content[place + 4 : place + 8])[0]
    entry = struct.pack(">Iii", round(seconds * 1000), old + round(start * scale), rate)
    return content[:place] + entry + content[place + 12 :]


def asymmetric(number: int, height: int, width: int) -> np.ndarray:
    array = np.full((height, width, 3), COLOUR, np.uint8)
    array[: height // 4, : width // 3] = 255
    array[height // 2 :, : width // 6] = 0
    return array


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("scale", [1, 2])
def test_all_eight_orientations_become_upright(
    matrix: tuple[int, int, int, int], scale: int, tmp_path: Path
) -> None:
    stored = encode(KINDS["mp4"], 3, draw=asymmetric)
    (tmp_path / "in.mp4").write_bytes(with_matrix(stored, *(scale * value for value in matrix)))
    seen: list[np.ndarray] = []

    def recorded(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for frame in frames:
            seen.append(frame)
            yield frame

    rewrite_video(tmp_path / "in.mp4", tmp_path / "out.mp4", recorded)
    a, b, c, d = matrix
    upright = np.zeros_like(seen[0])
    drawn = asymmetric(0, HEIGHT, WIDTH)
    for y in range(HEIGHT):  # as the standard says: a pixel (x, y) goes to (ax + cy, bx + dy)
        for x in range(WIDTH):
            row, column = b * x + d * y, a * x + c * y
            upright[row if row >= 0 and b + d > 0 else row - 1, column - (a + c < 0)] = drawn[y, x]
    for shown in (seen[0], decode((tmp_path / "out.mp4").read_bytes())[0].pixels):
        assert np.abs(shown.astype(int) - upright).mean() < 8


@pytest.mark.parametrize("matrix", [(0.7, 0.7, -0.7, 0.7), (1, 0.5, 0, 1)])
def test_other_turns_are_refused(matrix: tuple[float, float, float, float]) -> None:
    with pytest.raises(MediaError, match="no quarter"):
        decode(with_matrix(video("mp4"), *matrix))


def test_an_empty_matrix_turns_nothing() -> None:
    np.testing.assert_array_equal(
        decode(with_matrix(video("mp4"), 0, 0, 0, 0))[0].pixels, decode(video("mp4"))[0].pixels
    )


def test_only_what_the_edit_list_shows_is_written(tmp_path: Path) -> None:
    content = encode(KINDS["mp4"], 20)
    whole = [frame.pixels for frame in decode(content)]
    (tmp_path / "in.mp4").write_bytes(with_edits(content, 0.4, 0.2))
    written = rewrite_video(tmp_path / "in.mp4", tmp_path / "out.mp4", unchanged)
    assert written.frames == 10
    assert written.notes == ("left out: 10 frame(s) that the edit list of the video hides",)
    shown = decode((tmp_path / "in.mp4").read_bytes())
    for frame, expected in zip(shown, whole[5:15], strict=True):
        np.testing.assert_array_equal(frame.pixels, expected)
    output = (tmp_path / "out.mp4").read_bytes()
    with av.open(io.BytesIO(output), "r", options={"ignore_editlist": "1"}) as container:
        assert len(list(container.decode(video=0))) == 10  # nothing is hidden in it


def test_edit_lists_that_cannot_be_followed_are_refused() -> None:
    with pytest.raises(MediaError, match="changes its speed"):
        decode(with_edits(video("mp4"), 0.4, 0, ONE * 2))
    damaged = video("mp4").replace(b"elst\0\0\0\0\0\0\0\1", b"elst\0\0\0\0\x7f\0\0\1")
    with pytest.raises(MediaError, match="damaged edit list"):
        decode(damaged)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.04, 2), st.floats(0, 1))
def test_any_edit_list_shows_a_part_or_is_refused(seconds: float, start: float) -> None:
    content = video("mp4")
    whole = [frame.pixels for frame in decode(content)]
    try:
        shown = decode(with_edits(content, seconds, start))
    except MediaError:
        return
    first = next(k for k, frame in enumerate(whole) if np.array_equal(frame, shown[0].pixels))
    assert abs(first - start * 25) <= 1
    assert len(shown) <= seconds * 25 + 2
    for frame, expected in zip(shown, whole[first:], strict=False):
        np.testing.assert_array_equal(frame.pixels, expected)


def test_hidden_sound_is_not_copied(tmp_path: Path) -> None:
    content = encode(KINDS["mp4"], FRAMES, sound="aac")
    at = content.rindex(b"elst") + 12  # of the sound: from 0.2 s on
    later = struct.pack(">Ii", 200, 1024 + 8820)
    (tmp_path / "in.mp4").write_bytes(content[:at] + later + content[at + 8 :])
    rewrite_video(tmp_path / "in.mp4", tmp_path / "out.mp4", unchanged, keep_audio=True)

    def samples(content: bytes) -> int:
        with av.open(io.BytesIO(content), "r", options={"ignore_editlist": "1"}) as container:
            return sum(frame.samples for frame in container.decode(audio=0))

    kept = samples((tmp_path / "out.mp4").read_bytes())
    assert kept <= 0.2 * 44100 + 3 * 1024 < samples(content) - 6 * 1024


def test_a_full_disk_is_no_fault_of_the_video(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(video("mp4"))
    with pytest.raises(OSError) as caught:
        rewrite_video(tmp_path / "in.mp4", Path("/dev/full"), unchanged)
    assert caught.value.errno == errno.ENOSPC
    assert not isinstance(caught.value, ValueError | av.FFmpegError)


def test_a_disk_that_fails_is_no_fault_of_the_video() -> None:
    class Failing(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            if self.tell() > 900:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(count)

    for name in ("mkv", "mp4", "ts"):
        with pytest.raises(OSError) as caught:
            decode(video(name), Failing(video(name)))
        assert caught.value.errno == errno.EIO


def test_an_interrupt_while_writing_is_not_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: object, content: bytes) -> int:
        self.error = self.error or KeyboardInterrupt()  # type: ignore[attr-defined]
        return len(content)

    monkeypatch.setattr("pii_seg.anonymize.video.OutputStream.write", interrupt)
    (tmp_path / "in.mp4").write_bytes(video("mp4"))
    with pytest.raises(KeyboardInterrupt):
        rewrite_video(tmp_path / "in.mp4", tmp_path / "out", unchanged)


def prepared(**values: Any) -> Any:
    def prepare(stream: Any) -> None:
        for name, value in values.items():
            setattr(stream.codec_context, name, value)

    return prepare


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le", "yuv422p"])
def test_what_is_seen_has_the_colours_of_the_source(pixels: str) -> None:
    content = encode(Kind("mp4", "libx264", pixels=pixels, options={"crf": "6"}), 2)
    frame = decode(content)[0].pixels
    np.testing.assert_allclose(frame[HEIGHT // 3, -4], COLOUR, atol=8)
    assert frame[2, 2].min() > 245


def test_ten_bits_are_noted(tmp_path: Path) -> None:
    content = encode(Kind("matroska", "libx264", pixels="yuv420p10le"), 2)
    (tmp_path / "in").write_bytes(content)
    assert rewrite_video(tmp_path / "in", tmp_path / "out", unchanged).notes == (
        "10-bit colours became 8-bit",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"color_trc": 16}, r"HDR \(PQ\)"),
        ({"color_trc": 18}, r"HDR \(HLG\)"),
        ({"color_trc": 8}, "transfer curve"),
        ({"colorspace": 8}, "colour matrix"),
    ],
)
def test_colours_that_would_come_out_wrong_are_refused(
    values: dict[str, int], message: str
) -> None:
    with pytest.raises(MediaError, match=message):
        decode(encode(KINDS["mkv"], 2, prepare=prepared(**values)))


def test_primaries_are_kept(tmp_path: Path) -> None:
    content = encode(KINDS["mp4"], 2, prepare=prepared(color_primaries=9, color_trc=14))
    (tmp_path / "in").write_bytes(content)
    rewrite_video(tmp_path / "in", tmp_path / "out", unchanged)
    with av.open(str(tmp_path / "out")) as container:
        frame = next(container.decode(video=0))
        assert (frame.color_primaries, frame.color_trc) == (9, 14)


@pytest.mark.parametrize("turned", [False, True])
def test_pixels_that_are_no_squares_stay_so(turned: bool, tmp_path: Path) -> None:
    content = encode(KINDS["mp4"], 2, prepare=prepared(sample_aspect_ratio=Fraction(16, 11)))
    if turned:
        content = with_matrix(content, 0, 1, -1, 0)
    (tmp_path / "in").write_bytes(content)
    rewrite_video(tmp_path / "in", tmp_path / "out", unchanged)
    with av.open(str(tmp_path / "out")) as container:
        aspect = container.streams.video[0].sample_aspect_ratio
    assert aspect == (Fraction(11, 16) if turned else Fraction(16, 11))


def test_interlaced_fields_are_noted(tmp_path: Path) -> None:
    kind = Kind("mpegts", "mpeg2video", options={"flags": "+ildct+ilme", "top": "1"})
    (tmp_path / "in").write_bytes(encode(kind))
    notes = rewrite_video(tmp_path / "in", tmp_path / "out", unchanged).notes
    assert notes == ("its interlaced fields became whole frames",)


def test_sound_that_the_output_cannot_hold_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(encode(KINDS["wmv"], sound="wmav2"))
    with pytest.raises(MediaError, match=r"sound \(wmav2\).*leave out --keep-audio"):
        rewrite_video(tmp_path / "in", tmp_path / "out", unchanged, keep_audio=True)
    assert rewrite_video(tmp_path / "in", tmp_path / "out", unchanged).notes == (
        "left out: 1 audio stream(s)",
    )


def test_sound_of_a_stream_stays_beside_its_picture(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(encode(KINDS["ts"], 20, sound="ac3"))
    rewrite_video(tmp_path / "in", tmp_path / "out", unchanged, keep_audio=True)

    def starts(path: Path) -> tuple[float, float]:
        with av.open(str(path)) as container:
            video: Any = container.streams.video[0]
            audio: Any = container.streams.audio[0]
            return (
                float(video.start_time * video.time_base),
                float(audio.start_time * audio.time_base),
            )

    before, after = starts(tmp_path / "in"), starts(tmp_path / "out")
    assert abs((before[1] - before[0]) - (after[1] - after[0])) < 0.03
    assert min(after) < 0.1


def test_a_large_frame_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pii_seg.anonymize.video_reader.MOST_PIXELS", HEIGHT * WIDTH - 1)
    with pytest.raises(MediaError, match=r"0\.0 megapixels, more than 0\.0"):
        decode(video("mp4"))


def test_sound_alone_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        audio = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        frame.rate = 44100
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    with pytest.raises(MediaError, match="has no video, only audio"):
        rewrite_video(tmp_path / "in.mp4", tmp_path / "out", unchanged)


def test_frames_without_contrast_ask_for_a_check(tmp_path: Path) -> None:
    def dark(number: int, height: int, width: int) -> np.ndarray:
        frame = frame_of(number, height, width)
        return frame // 32 if number in (3, 4) else frame

    (tmp_path / "in").write_bytes(encode(KINDS["mp4"], draw=dark))
    (note,) = rewrite_video(tmp_path / "in", tmp_path / "out", unchanged).notes
    assert note.startswith("frames 4, 5: next to no contrast")
