"""The pipeline of a video: the outputs of batches and threads, bounded memory, interruptions."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.detector import Detector
from pii_seg.anonymize.file_redaction import Options, StoppedError
from pii_seg.anonymize.instance_files import InstanceWriter
from pii_seg.anonymize.promises import Wanted
from pii_seg.anonymize.track_names import read_track
from pii_seg.anonymize.video_redaction import VideoRedactor
from pii_seg.command_line import WRONG_INPUT
from pii_seg.config import SIZES
from pii_seg.errors import InputError, MediaError
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from tests.pii_seg.anonymize.conftest import Bright
from tests.pii_seg.anonymize.test_video import read_video, write_video


class Batched(Bright):
    """Takes several frames together."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch = batch
        self.sizes: list[int] = []

    def probabilities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.sizes.append(len(images))
        return [self.probability(image) for image in images]


def redact(
    source: Path,
    output: Path,
    detector: Bright,
    *,
    stopping: threading.Event | None = None,
    instances: InstanceWriter | None = None,
    **options: Any,
) -> dict[str, Any]:
    settings = Options(**options)
    with ThreadPoolExecutor(settings.workers) as pool:
        redactor = VideoRedactor(
            Anonymizer(detector, seed=0), settings, stopping or threading.Event(), pool
        )
        return redactor.redact(source, output, lambda suffix: f"a{suffix}", None, instances)


def test_batches_and_threads_give_the_bytes_of_one_frame_after_the_other(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 23)
    alone = redact(source, tmp_path / "alone", Bright())
    detector = Batched(4)
    record = redact(source, tmp_path / "together", detector, workers=3)
    assert record == alone
    assert (tmp_path / "together").read_bytes() == (tmp_path / "alone").read_bytes()
    assert sorted(set(detector.sizes)) == [3, 4]  # 23 frames: five batches of 4, and the rest
    assert max(frame.min(axis=2).max() for frame in read_video(tmp_path / "together")[0]) < 200


def test_masks_of_the_eager_network_on_a_cpu_are_those_of_one_frame_after_the_other(
    tmp_path: Path,
) -> None:
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    checkpoint = Checkpoint(SIZES["tiny"], Segmenter(network).state_dict())
    save_checkpoint(tmp_path / "a.ckpt", checkpoint)
    source = write_video(tmp_path / "in.mp4", 12)
    settings = InferenceSettings(size=32, tiles=2)
    first = Detector(tmp_path / "a.ckpt", settings, backend="torch")
    middle = float(np.median(first.probability(read_video(source)[0][0])))
    detector = Detector(
        tmp_path / "a.ckpt", settings, wanted=Wanted(threshold=middle), backend="torch"
    )
    anonymizer, seen = Anonymizer(detector, seed=0, dilate=0), []
    replace = anonymizer.replace

    def recorded(pixels: np.ndarray, mask: np.ndarray, **more: Any) -> Any:
        seen.append((pixels, mask))
        return replace(pixels, mask, **more)

    anonymizer.replace = recorded  # type: ignore[method-assign, assignment]
    options = Options(workers=3, hold=0, second_pass=False)
    with ThreadPoolExecutor(3) as pool:
        redactor = VideoRedactor(anonymizer, options, threading.Event(), pool)
        redactor.redact(source, tmp_path / "out", lambda suffix: suffix, None)
    assert len(seen) == 12
    for pixels, mask in seen:
        assert 0 < mask.mean() < 1
        np.testing.assert_array_equal(mask, anonymizer.find(pixels).mask)


def test_frames_are_not_joined_where_the_device_does_not_gain_by_it(tmp_path: Path) -> None:
    detector = Batched(1)
    redact(write_video(tmp_path / "in.mp4", 9), tmp_path / "out", detector, every=2)
    assert detector.sizes == [] and detector.calls > 0


def test_no_more_frames_are_under_way_than_the_stages_hold(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 80)
    ahead: list[int] = []

    class Counting(Bright):
        reviewed = 0

    detector = Counting()
    anonymizer = Anonymizer(detector, seed=0)
    review = anonymizer.review_each

    def counted(found: Any, *more: Any, **options: Any) -> Any:
        detector.reviewed += len(found)
        ahead.append(detector.calls - detector.reviewed)
        return review(found, *more, **options)

    anonymizer.review_each = counted  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        options = Options(workers=2, hold=2, second_pass=False)
        VideoRedactor(anonymizer, options, threading.Event(), pool).redact(
            source, tmp_path / "out", lambda suffix: suffix, None
        )
    assert detector.reviewed == 80
    assert max(ahead) <= 2 + 2 * 3  # held, and under way in two stages


def test_a_stop_ends_the_video_at_the_next_frame(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 60)
    stopping = threading.Event()

    class Stopping(Bright):
        def probability(self, image: np.ndarray) -> np.ndarray:
            stopping.set()
            return super().probability(image)

    detector = Stopping()
    with pytest.raises(StoppedError):
        redact(source, tmp_path / "out", detector, stopping=stopping)
    assert detector.calls <= 2


def test_an_error_of_the_detector_is_raised_as_it_is(tmp_path: Path) -> None:
    class Broken(Bright):
        def probability(self, image: np.ndarray) -> np.ndarray:
            raise FloatingPointError("not finite")

    with pytest.raises(FloatingPointError, match="not finite"):
        redact(write_video(tmp_path / "in.mp4"), tmp_path / "out", Broken(), workers=2)


@pytest.mark.parametrize("every", [2, 3])
def test_frames_that_are_skipped_are_covered_and_measured(tmp_path: Path, every: int) -> None:
    source = write_video(tmp_path / "in.mp4", 30, size=(96, 128))
    detector = Bright()
    record = redact(source, tmp_path / "out", detector, every=every, second_pass=False)
    shown = [frame.min(axis=2).max() for frame in read_video(tmp_path / "out")[0]]
    assert max(shown) < 200
    measured = record["not_searched"]
    assert measured["skipped"] > 30 * (1 - 1 / every) - 5
    assert measured["checked"] >= 1 and measured["frame_recall"] == 1
    assert detector.calls == 30 - measured["skipped"] + measured["checked"]
    assert record["frames"] == 30
    assert not any("--every" in note for note in record["notes"])


def test_the_tracks_of_a_video_are_in_its_record(tmp_path: Path) -> None:
    record = redact(
        write_video(tmp_path / "in.mp4", 8),
        tmp_path / "out",
        Bright(misses=(3,)),
        second_pass=False,
    )
    (track,) = record["tracks"]["longest"]
    assert re.fullmatch("1-[0-9a-f]{8}", track.pop("track"))
    assert track == {"first": 0, "last": 7, "frames": 7}
    assert record["tracks"]["count"] == 1


def test_masks_and_json_hold_the_pieces_of_every_frame_with_its_tracks(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 6)
    writer = InstanceWriter(tmp_path / "pieces", "in.mp4", masks=True, as_json=True)
    record = redact(
        source, tmp_path / "out", Bright(misses=(3,)), instances=writer, second_pass=False
    )
    paths = {name: path for path, name in writer.files(writer.finish())}
    written = json.loads(paths["instances/in.mp4.json"].read_text())
    assert [frame["time"] for frame in written["frames"]] == [0, 0.04, 0.08, 0.2, 0.24, 0.3]
    (track,) = tracks_of(record)
    for number, frame in enumerate(written["frames"]):
        (piece,) = frame["pieces"]
        assert f"1-{frame['track_key']}" == track
        assert piece.get("track") == (None if number == 3 else 1)
        assert "neighbouring frame" in piece["sources"] if number == 3 else piece["score_max"] == 1
        mask = cv2.imread(str(paths[f"instances/in.mp4/{number:06d}.png"]), cv2.IMREAD_UNCHANGED)
        assert mask is not None and mask.shape == (48, 64)
        assert np.count_nonzero(mask == 1) == piece["area"]


def tracks_of(record: dict[str, Any]) -> list[str]:
    return [track["track"] for track in record["tracks"]["longest"]]


def test_a_kept_track_stays_visible_and_asks_for_no_review(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 12, size=(96, 128))
    first = redact(source, tmp_path / "all", Bright())
    (name,) = tracks_of(first)
    kept = (read_track(name),)
    record = redact(source, tmp_path / "out", Bright(), keep_tracks=kept)
    for frame in read_video(tmp_path / "out")[0]:
        assert (frame.min(axis=2) > 220).sum() >= 50  # the codec blurs the border
        assert (frame.max(axis=2) > 100).all()  # nothing is black
    assert record["doubts"]["left"] == 0 and record["tracks"] == first["tracks"]


def test_a_track_of_other_settings_or_none_at_all_is_refused(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", 6)
    name = read_track(tracks_of(redact(source, tmp_path / "all", Bright()))[0])
    with pytest.raises(MediaError, match="of other settings"):
        redact(source, tmp_path / "out", Bright(), keep_tracks=(name,), hold=1)
    with pytest.raises(MediaError, match="has no track 7; its tracks are 1 to 1"):
        redact(source, tmp_path / "out", Bright(), keep_tracks=(name._replace(number=7),))


@pytest.mark.parametrize("text", ["3", "3-xyz", "-1-0a1b2c3d", "3-0A1B2C3D", ""])
def test_what_is_no_track_is_said_so(text: str) -> None:
    with pytest.raises(InputError, match="expected a track such as 3-0a1b2c3d"):
        read_track(text)


def test_keep_needs_one_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / "in" / name, 2)
    command = [str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--include", "0,0,1,1"]
    assert main([*command, "--keep", "1-0a1b2c3d"]) == WRONG_INPUT
    assert "tracks are of one video" in capsys.readouterr().err
