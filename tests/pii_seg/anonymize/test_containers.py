"""Videos of every container are read whole or refused, wherever they are cut or damaged."""

from __future__ import annotations

import contextlib
from pathlib import Path

import av
import numpy as np
import pytest

from pii_seg.anonymize.containers import container_of, recognised
from pii_seg.anonymize.video import rewrite_video
from pii_seg.errors import MediaError
from tests.fuzz import fuzz_count, mutated, random_of
from tests.pii_seg.anonymize.videos import (
    FRAMES,
    KINDS,
    STREAMS,
    Kind,
    decode,
    encode,
    unchanged,
    video,
)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_container_is_rewritten(tmp_path: Path, name: str) -> None:
    source = tmp_path / "IN"  # the content decides, not the name
    source.write_bytes(video(name))
    written = rewrite_video(source, tmp_path / "out", unchanged)
    assert container_of(source).suffix == KINDS[name].suffix
    assert container_of(tmp_path / "out").suffix == KINDS[name].suffix
    assert written.frames == FRAMES
    assert written.notes == ()
    before, after = decode(video(name)), decode((tmp_path / "out").read_bytes())
    assert len(before) == len(after) == FRAMES
    for one, other in zip(before, after, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 6
    with av.open(str(tmp_path / "out")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    # A stream begins at any time, and its output at 0; a fragmented MP4 keeps its beginning.
    assert np.allclose(np.diff(times), 0.04, atol=2e-3)
    assert times[0] < 0.1


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_video_that_is_cut_anywhere_is_whole_or_refused(name: str) -> None:
    content = video(name)
    last_bytes = range(len(content) - 20, len(content))
    anywhere = random_of(0).sample(range(100, len(content)), 25)
    refused = 0
    for length in (*anywhere, *last_bytes):
        try:
            frames = len(decode(content[:length]))
            assert frames == FRAMES or (name in STREAMS and frames < FRAMES), length
        except MediaError as error:
            refused += 1
            assert "remove" not in str(error) and "repair" not in str(error)
    assert refused > 20


def test_a_fragmented_video_that_lost_a_fragment_is_refused() -> None:
    content = video("fragments without index")
    starts = [at - 4 for at in range(len(content)) if content[at : at + 4] == b"moof"]
    assert len(starts) == 3
    assert len(decode(content)) == FRAMES
    with pytest.raises(MediaError, match="fragment 1 is followed by fragment 3"):
        decode(content[: starts[1]] + content[starts[2] :])
    with pytest.raises(MediaError, match="last fragment has no content"):
        decode(content[: content.rindex(b"mdat") - 4])


def test_a_live_recording_may_end_after_any_whole_block() -> None:
    content = video("live mkv")
    lengths = set()
    for length in range(len(content) // 2, len(content), 7):
        try:
            lengths.add(len(decode(content[:length])))
        except MediaError as error:
            assert "cut off" in str(error)
    assert lengths <= {FRAMES}


@pytest.mark.parametrize("name", ["mp4", "mkv", "avi"])
def test_videos_that_were_appended_are_refused_and_other_bytes_noted(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match="several"):
        decode(video(name) * 2)
    (tmp_path / "in").write_bytes(video(name) + b"\0" * 3 + b"GPS of a camera " * 9)
    written = rewrite_video(tmp_path / "in", tmp_path / "out", unchanged)
    assert written.notes == ("left out: 147 bytes after the end of the video",)


def test_recordings_that_were_joined_have_all_frames_and_times_that_grow() -> None:
    frames = decode(video("mpg") * 2)
    assert len(frames) == 2 * FRAMES
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


def test_a_stream_may_begin_between_two_key_frames(tmp_path: Path) -> None:
    groups = Kind("mpegts", "mpeg2video", options={"g": "4"})
    content = encode(groups, 40)
    tables, packets = content[: 188 * 3], content[188 * (len(content) // 188 // 3) :]
    (tmp_path / "in.ts").write_bytes(tables + packets)
    written = rewrite_video(tmp_path / "in.ts", tmp_path / "out", unchanged)
    assert 20 < written.frames < 30
    assert any("begins in the middle of a recording" in note for note in written.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\0\x18ftypisom" + bytes(200), "recording that was not finished"),
        (b"#EXTM3U\nhttp://192.0.2.1/a.ts\n", "not a video in a known format"),
        (b"RIFF\0\0\0\0AVI LIST", "not finished"),
        (b"\x1a\x45\xdf\xa3", "cut off"),
        (b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x09\0\xff\xff", "cut off"),
        (b"OggS" + bytes(23), "not finished"),
    ],
)
def test_messages_name_the_cause(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(content)
    with pytest.raises(MediaError, match=message):
        rewrite_video(tmp_path / "in.mp4", tmp_path / "out", unchanged)


def test_an_encrypted_video_is_named_so() -> None:
    content = video("mp4").replace(b"avc1", b"encv")
    with pytest.raises(MediaError, match="is encrypted"):
        decode(content)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", sorted(KINDS))
def test_damaged_videos_are_read_or_refused(name: str) -> None:
    for number in range(fuzz_count(1 / 12)):
        content = mutated(video(name), random_of(number))
        try:
            frames = decode(content)
        except MediaError as error:
            assert "\n" not in str(error)
        else:
            assert frames
            times = [frame.time for frame in frames]
            assert times == sorted(set(times))


@pytest.mark.fuzz
@pytest.mark.parametrize("name", sorted(KINDS))
def test_flipped_bits_of_a_header_are_read_or_refused(name: str) -> None:
    content = video(name)
    for number in range(fuzz_count(1 / 12)):
        numbers = random_of(number)
        damaged = bytearray(content)
        for _ in range(numbers.choice((1, 2, 8))):
            place = numbers.randrange(min(len(content), 1500))
            damaged[place if number % 2 else -1 - place] = numbers.randrange(256)
        with contextlib.suppress(MediaError):
            decode(bytes(damaged))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_streams_are_those_that_do_not_say_their_length(name: str) -> None:
    container = recognised(video(name)[:1024])
    assert container is not None and container.stream == (name in STREAMS)
