"""The budget of property tests and fuzzers: 300 examples a parser, or 10,000 with --fuzz-long.

@fuzz_settings
@given(st.binary())
def test_any_bytes_are_refused_or_read(content): ...

def test_mutated_files():
    for number in range(fuzz_count()):
        mutate(content, random_of(number))
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

SHORT, LONG = 300, 10_000  # examples a parser
_long = False


def set_long(value: bool) -> None:
    """Choose between the two budgets; called before the test modules are imported."""
    global _long
    _long = value


def fuzz_count(share: float = 1.0) -> int:
    """The number of examples of a fuzzer; `share` splits it among several tests of one parser."""
    return max(1, round((LONG if _long else SHORT) * share))


def fuzz_settings(test: Any) -> Any:
    """Give a Hypothesis test the whole budget, and the marker fuzz. Put it above `@given`."""
    budget = settings(
        max_examples=fuzz_count(),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    return pytest.mark.fuzz(budget(test))


def random_of(number: int) -> random.Random:
    """The random numbers of one example, always the same."""
    return random.Random(number)


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """Flip, cut, repeat, insert or overwrite bytes, as transfers, disks and attackers do."""
    data = bytearray(content)
    for _ in range(numbers.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = numbers.randrange(len(data))
        length = numbers.choice((1, 1, 2, 4, 8, 64, len(data)))
        kind = numbers.randrange(6)
        if kind == 0:
            data[at] ^= 1 << numbers.randrange(8)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        elif kind == 3:
            data[at : at + length] = numbers.randbytes(min(length, len(data) - at))
        elif kind == 4:
            data[at : at + length] = numbers.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * min(
                length, len(data) - at
            )
        else:
            del data[at:]
    return bytes(data)
