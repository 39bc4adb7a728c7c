"""Archives of torch.save are checked before torch opens them: no file can end the process."""

from __future__ import annotations

import io
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pii_seg.config import SIZES
from pii_seg.errors import CheckpointError, ConfigError
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.pretrained import from_file
from pii_seg.models.segmenter import Segmenter
from pii_seg.models.torch_archive import UnsafeArchiveError, check_archive, check_torch_file
from tests.fuzz import fuzz_count, mutated, random_of

DICT, TUPLE1, KEY_END = b"\x80\x02}", b"\x85", b"K\x01s."


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small checkpoint."""
    path = tmp_path_factory.mktemp("genuine") / "best.ckpt"
    network = build_network(SIZES["tiny"], generator=torch.Generator().manual_seed(3))
    save_checkpoint(path, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    return path.read_bytes()


def archive(records: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in records.items():
            file.writestr(f"archive/{name}", content)
    return stream.getvalue()


def records_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name.partition("/")[2]: file.read(name) for name in file.namelist()}


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def pickled(content: bytes) -> bytes:
    """An archive with this pickle and nothing else."""
    return archive({"data.pkl": content, "version": b"3\n", "byteorder": b"little"})


def shortened(content: bytes) -> bytes:
    """The values of one tensor are cut: torch would read what lies behind them in memory."""
    records = records_of(content)
    name = max(
        (name for name in records if name.startswith("data/")), key=lambda n: len(records[n])
    )
    return archive({**records, name: records[name][:8]})


def claiming_a_table_of(size: int) -> bytes:
    content = bytearray(pickled(b"\x80\x02}."))
    struct.pack_into("<L", content, content.rindex(b"PK\x05\x06") + 12, size)
    return bytes(content)


def twice(content: bytes) -> bytes:
    stream = io.BytesIO(content)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as file:
        file.writestr("archive/data.pkl", b"\x80\x02}.")
    return stream.getvalue()


def cyclic() -> bytes:
    values: list[Any] = []
    values.append(values)
    return pickled(pickle.dumps(values, 2))


def laughs() -> bytes:
    """Tuples of two times the same: small in memory, endless for whoever walks through."""
    value: tuple[Any, ...] = ("ha",)
    for _ in range(23):
        value = (value, value)
    return pickled(pickle.dumps(value, 2))


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "key of nested tuples": lambda _: pickled(DICT + b")" + TUPLE1 * 300_000 + KEY_END),
    "nested lists": lambda _: pickled(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."),
    "nested dicts": lambda _: pickled(
        b"\x80\x02" + b"}X\x01\0\0\0a" * 50_000 + b"}" + b"s" * 50_000 + b"."
    ),
    "cycle": lambda _: cyclic(),
    "laughs": lambda _: laughs(),
    "many values": lambda _: pickled(b"\x80\x02(" + b"N" * 1_100_000 + b"t."),
    "code": lambda _: pickled(b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R."),
    "short storage": shortened,
    "meta tensor": lambda _: saved({"a": torch.zeros(3, device="meta")}),
    "sparse tensor": lambda _: saved({"a": torch.eye(3).to_sparse()}),
    "complex tensor": lambda _: saved({"a": torch.zeros(3, dtype=torch.complex64)}),
    "expanded tensor": lambda _: saved({"a": torch.zeros(1).expand(1 << 40)}),
    "shared values": lambda _: saved([*torch.zeros(64).expand(8, 64)]),
    "bomb": lambda _: archive({"data.pkl": bytes(64 << 20)}, compression=zipfile.ZIP_DEFLATED),
    "two records of one name": twice,
    "names that differ in case": lambda c: archive({**records_of(c), "DATA.pkl": b"\x80\x02}."}),
    "foreign record": lambda c: archive({**records_of(c), "code/run.py": b"1"}),
    "no description": lambda _: archive({"version": b"3\n"}),
    "table of 4 GB": lambda _: claiming_a_table_of(0xFFFFFFF0),
    "no records": lambda _: b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_quickly(kind: str, genuine: bytes, tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    path.write_bytes(HOSTILE[kind](genuine))
    start = time.process_time()
    with pytest.raises(UnsafeArchiveError):
        check_archive(path)
    with pytest.raises(CheckpointError, match=r"best\.ckpt: ") as raised:
        load_checkpoint(path)
    assert time.process_time() - start < 20
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400 + len(str(path))


@pytest.mark.parametrize(
    "value",
    [
        {"a": torch.zeros(0, 3), "b": torch.tensor(3.0), "c": torch.arange(9).view(3, 3)[1:].t()},
        {"a": torch.nn.Parameter(torch.zeros(2)), "b": torch.zeros(2, dtype=torch.bfloat16)},
        [1, -1, 1 << 40, 1.5, None, True, "ü", (), {"x": [{}]}],
        torch.nn.Linear(2, 2).state_dict(),
    ],
)
def test_what_this_program_writes_is_accepted(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(saved(value))
    check_archive(path)
    torch.load(path, weights_only=True)


def test_weights_of_old_versions_of_torch_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(3)}, path, _use_new_zipfile_serialization=False)
    check_torch_file(path)
    content = path.read_bytes()
    # Its storage of 3 values claims 3 × 2^24.
    path.write_bytes(content.replace(b"K\x03", b"J\x00\x00\x00\x03", 1))
    with pytest.raises((UnsafeArchiveError, ConfigError)):
        from_file("resnet18", path)
    header = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    path.write_bytes(header + DICT + b")" + TUPLE1 * 300_000 + KEY_END)
    with pytest.raises(ConfigError, match=r"weights\.pth: not a readable weights file"):
        from_file("resnet18", path)


@pytest.mark.fuzz
@pytest.mark.parametrize("inside", [False, True])
def test_mutated_checkpoints_are_refused_or_whole(
    inside: bool, genuine: bytes, tmp_path: Path
) -> None:
    """Mutations of the whole file, or of one record in an otherwise whole archive."""
    path, records = tmp_path / "best.ckpt", records_of(genuine)
    for number in range(fuzz_count(0.5)):
        numbers = random_of(number)
        if inside:
            name = "data.pkl" if numbers.random() < 0.8 else numbers.choice(list(records))
            content = archive({**records, name: mutated(records[name], numbers)})
        else:
            content = mutated(genuine, numbers)
        path.write_bytes(content)
        try:
            loaded = load_checkpoint(path)
        except CheckpointError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert all(bool(value.isfinite().all()) for value in loaded.weights.values())
