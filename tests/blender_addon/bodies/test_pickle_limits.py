"""Pickles that are built to exhaust the reader, and a fuzzer of pickle programs."""

from __future__ import annotations

import pickle
import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from blender_addon.bodies import pickle_scan
from blender_addon.bodies.pickle_records import RECORDS
from blender_addon.bodies.pickles import UnsafePickleError, read_pickle
from tests.blender_addon.bodies.conftest import python2_pickle
from tests.fuzz import fuzz_count, mutated, random_of

DEEP = 300_000
LONGEST = 5.0  # s for one file; each takes milliseconds


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.pkl"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "program",
    [
        b"}" + b")" + b"\x85" * DEEP + b"Ns.",  # {((((…),),),): None}, by SETITEM
        b"}(" + b")" + b"\x85" * DEEP + b"Nu.",  # by SETITEMS
        b"(" + b")" + b"\x85" * DEEP + b"Nd.",  # by DICT
        b"(" + b")" + b"\x85" * DEEP + b"\x91.",  # in a frozenset
        b"\x8f(" + b")" + b"\x85" * DEEP + b"\x90.",  # in a set
        b"})" + b"2\x86" * 64 + b"Ns.",  # (t, t) of (t, t) of …: 2^64 values to hash
    ],
)
def test_keys_that_are_no_text_are_refused_before_they_are_made(tmp_path, program):
    with pytest.raises(ValueError, match=r"model\.pkl: not a whole pickle file"):
        read_pickle(write(tmp_path, program))


@pytest.mark.parametrize(
    "value",
    [
        b"]" * 40 + b"a" * 39,
        b"]q\x00h\x00a",  # a list that holds itself
        b")" + b"2\x86" * 40,  # 2^40 values, written out
    ],
)
def test_lists_that_run_away_are_refused_when_they_are_asked_for(tmp_path, value):
    read = read_pickle(write(tmp_path, b"}\x8c\x01a" + value + b"s."))
    with pytest.raises(ValueError, match=r"model\.pkl: a: .*list"):
        _ = read["a"]


def test_sizes_of_shapes_and_types_that_run_away_are_not_written_out(tmp_path):
    bomb = b")" + b"2\x86" * 40
    dtype = b"cnumpy\ndtype\n(" + bomb + b"I0\nI1\ntR"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    for state in (
        b"(I1\n(" + bomb + b"t" + dtype + b"I0\nS''\nt",
        b"(I1\n(I1\nt" + dtype + b"I0\nS''\nt",
    ):
        read = read_pickle(write(tmp_path, b"}S'a'\n" + array + state + b"bs."))
        with pytest.raises(ValueError, match=r"model\.pkl: a: has"):
            _ = read["a"]


def test_a_program_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_scan, "MAX_STEPS", 100)
    with pytest.raises(ValueError, match="too many steps"):
        read_pickle(write(tmp_path, b"N0" * 60 + b"}."))


def test_a_name_that_the_pickle_puts_together_is_refused(tmp_path):
    for program in (b"\x80\x04NN\x93.", b"\x80\x04]\x8c\x01a\x93."):
        with pytest.raises(UnsafePickleError, match="puts together"):
            read_pickle(write(tmp_path, program))


# --- the fuzzer -----------------------------------------------------------------------------------


def _number(numbers: random.Random) -> bytes:
    return numbers.choice(
        (
            b"K" + numbers.randbytes(1),
            b"J" + struct.pack("<i", numbers.choice((-1, 0, 1, 2**31 - 1, 3))),
            b"\x8a\x09" + numbers.randbytes(9),
            b"I%d\n" % numbers.choice((0, 1, 10**6, -5)),
            b"G" + struct.pack(">d", numbers.choice((0.5, float("nan"), 1e308))),
            b"N",
        )
    )


def _text(numbers: random.Random) -> bytes:
    text = numbers.choice((b"f8", b"<", b"a", b"x", b"data", b"shape", b"_shape", b"idxs", b"i4"))
    length = bytes([len(text)])
    return numbers.choice((b"\x8c" + length + text, b"U" + length + text, b"S'" + text + b"'\n"))


def _value(numbers: random.Random, depth: int) -> bytes:
    """Opcodes that leave one value on the stack; one in twenty does not."""
    if numbers.random() < 0.05:
        return numbers.choice(NOISE)
    kind = numbers.randrange(4 if depth > 4 else 10)
    if kind < 2:
        return _number(numbers)
    if kind < 4:
        return _text(numbers)
    parts = [_value(numbers, depth + 1) for _ in range(numbers.randrange(4))]
    if kind == 4:
        return b"](" + b"".join(parts) + b"e"
    if kind == 5:
        return b"(" + b"".join(parts) + numbers.choice((b"t", b"t", b"l", b"\x91"))
    if kind == 6:
        return b"}(" + b"".join(_text(numbers) + part for part in parts) + b"u"
    module, name = numbers.choice(list(RECORDS))
    if numbers.random() < 0.01:
        module, name = "os", "system"
    made = b"c" + module.encode() + b"\n" + name.encode() + b"\n(" + b"".join(parts) + b"t"
    made += numbers.choice((b"R", b"R", b"\x81"))
    return made if kind == 7 else made + _value(numbers, depth + 1) + b"b"


NOISE = (
    *(b"", b"N0", b"N2", b"0", b"2", b"\x85", b"\x86", b"\x87", b"a", b"s", b"u", b"e", b"t", b"d"),
    *(b"]", b")", b"(", b"\x8f", b"\x90", b"1", b"]\x94", b"Nq\x00", b"h\x00", b"h\x01", b"Nq\x01"),
    *(
        b"R",
        b"b",
        b"\x81",
        b"o",
        b"Q",
        b"\x82\x01",
        b"\x93",
        b"]q\x00h\x00a",
        b"\x92",
        b"\x97",
        b"\x98",
    ),
)


def program(numbers: random.Random) -> bytes:
    """A pickle of a dict of random values, with some opcodes out of place."""
    entries = [_text(numbers) + _value(numbers, 0) + b"s" for _ in range(numbers.randrange(1, 6))]
    return b"\x80\x02}" + b"".join(entries) + b"."


def _holds(content: bytes, folder: Path) -> bool:
    """Read all of a pickle. Returns whether it was read; anything but ValueError fails the test."""
    path = write(folder, content)
    start = time.perf_counter()
    try:
        read = read_pickle(path)
        for key in read:
            _ = read[key]
    except ValueError as error:
        assert "model.pkl" in str(error), content
        return False
    finally:
        assert time.perf_counter() - start < LONGEST, content
    return True


@pytest.mark.fuzz
def test_random_programs_are_read_or_refused(tmp_path):
    read = sum(_holds(program(random_of(number)), tmp_path) for number in range(fuzz_count(0.6)))
    assert read > 0  # else the programs would all end at their first step


@pytest.mark.fuzz
def test_mutated_model_files_are_read_or_refused(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    seeds = [
        python2_pickle({"v": array, "ids": [1, 2], "names": {"a", "b"}, "s": "text"}),
        pickle.dumps({"v": array, "f": np.float64(2), "n": [array, (1, 2)]}, 2),
        pickle.dumps({"v": array, "f": np.arange(4), "n": {"x": {1, 2}}}, 4),
        pickle.dumps({"v": np.arange(5)}, 0),
    ]
    for number in range(fuzz_count(0.4)):
        numbers = random_of(number)
        _holds(mutated(numbers.choice(seeds), numbers), tmp_path)
