"""The share of each pixel that each object covers: the reading side of Cryptomatte.

Friedman & Jones, "Fully automatic ID mattes with support for motion blur and transparency"
(SIGGRAPH 2015 posters), and the Cryptomatte specification 1.2 (Psyop). A pixel holds ranked pairs
(id, coverage); the id is the hash of the object's name, stored in a float's bits.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .lens_warp import LensWarp

HALF = 0.5  # a pixel is a person's when persons cover at least this share of it

_ROUNDING = 1e-3  # by which the sum of a pixel's samples may miss 0
# Light that passes through hair and cut-out cloth is sampled, so a coverage behind it is an
# estimate: 1 on average, and more in some pixels of few samples. More than this is damage.
_NOISIEST = 16.0


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32 (Austin Appleby, public domain algorithm)."""

    def scramble(k: int) -> int:
        k = k * 0xCC9E2D51 & 0xFFFFFFFF
        k = (k << 15 | k >> 17) & 0xFFFFFFFF
        return k * 0x1B873593 & 0xFFFFFFFF

    h = seed
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        h ^= scramble(k)
        h = (h << 13 | h >> 19) & 0xFFFFFFFF
        h = (h * 5 + 0xE6546B64) & 0xFFFFFFFF
    h ^= scramble(int.from_bytes(data[whole:], "little"))  # an empty tail scrambles to 0
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def name_id(name: str) -> int:
    """The id of an object, as the bits of the float in the image.

    The specification flips the lowest bit of the exponent when it is 0 or 255, so that no id is
    zero, denormal, infinite or NaN.
    """
    h = murmur3_32(name.encode())
    return h ^ 1 << 23 if h >> 23 & 255 in (0, 255) else h


@dataclass(frozen=True, eq=False)
class PersonIds:
    """Cryptomatte ids and their persons.

    Attributes:
        ids: (M,) uint32, sorted.
        labels: (M,) int, the person of each id.
        count: Number of persons.
    """

    ids: NDArray[np.uint32]
    labels: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, persons: Sequence[Sequence[str]]) -> PersonIds:
        """Hash the names of objects; `persons[k - 1]` names all objects of person k.

        Raises:
            ValueError: Two names have one id.
        """
        owner: dict[int, tuple[str, int]] = {}
        for label, names in enumerate(persons, start=1):
            for name in names:
                taken = owner.setdefault(name_id(name), (name, label))
                if taken != (name, label):
                    raise ValueError(
                        f"object {name!r} of person {label} and {taken[0]!r} of person {taken[1]}"
                        " share an id"
                    )
        ids = np.array(sorted(owner), dtype=np.uint32)
        labels = np.array([owner[int(i)][1] for i in ids], dtype=np.int64)
        return cls(ids, labels, len(persons))


@dataclass(frozen=True, eq=False)
class Coverage:
    """Coverage by persons of each pixel.

    Attributes:
        person: (H, W) the person that covers most of it; 0 for none.
        total: (H, W) the share that all persons cover together, 0..1.
    """

    person: NDArray[np.int64]
    total: NDArray[np.float32]


def person_coverage(
    ranks: NDArray[np.float32], persons: PersonIds, warp: LensWarp | None = None
) -> Coverage:
    """Find the person that covers most of each pixel, and the share that persons cover.

    Args:
        ranks: (H, W, 2L) float32: id, coverage, id, coverage, … as Cycles writes them.
        persons: The ids of the persons. Between persons with the same share, the lower number wins.
        warp: The lens, for ranks of the view that was rendered in place of the image.

    Raises:
        ValueError: A coverage is no share; a mask made of it would miss people.
    """
    H, W, depth = ranks.shape
    # Most ranks are empty and most pixels hold one object: only the pairs that exist are used.
    share = ranks[..., 1::2].reshape(-1)
    if not (share.min(initial=0.0) >= -_ROUNDING and share.max(initial=0.0) <= _NOISIEST):
        raise ValueError("Cryptomatte: a coverage is not from 0 to 1; the render is damaged")
    there = np.flatnonzero(share)
    ids = np.ascontiguousarray(ranks[..., 0::2]).reshape(-1).view(np.uint32)[there]
    label, mine = _labels(ids, persons)
    there, label, share = there[mine], label[mine], share[there[mine]]
    pixel = there // (depth // 2)

    # Sum the shares of each (pixel, person): a person may be several objects.
    if warp is None:
        key, group = np.unique(pixel * (persons.count + 1) + label, return_inverse=True)
        shares = np.bincount(group, share, len(key))
        pixel, label = np.divmod(key, persons.count + 1)
    else:
        pixel, label, shares = _summed(*warp.spread(pixel, label, share), persons.count + 1)
        H, W = warp.height, warp.width
    total = np.bincount(pixel, shares, H * W).astype(np.float32)

    # Paint from the smallest share to the largest, and among equals from the highest number to the
    # lowest.
    order = np.lexsort((-label, shares))
    person = np.zeros(H * W, dtype=np.int64)
    person[pixel[order]] = label[order]
    return Coverage(person.reshape(H, W), np.minimum(total, 1.0).reshape(H, W))


def _summed(
    pixel: NDArray[np.int64], label: NDArray[np.int64], share: NDArray[np.float64], labels: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The sum of the shares of each (pixel, label), for dozens of shares a pixel: a table of the
    pixels that have any takes less time than to sort them.
    """
    there = np.flatnonzero(np.bincount(pixel))
    row = np.zeros(there[-1] + 1 if len(there) else 0, dtype=np.int64)
    row[there] = np.arange(len(there))
    table = np.bincount(row[pixel] * labels + label, share, len(there) * labels)
    found = np.flatnonzero(table)
    row, label = np.divmod(found, labels)
    return there[row], label, table[found]


def instance_mask(coverage: Coverage, count: int) -> NDArray[np.unsignedinteger[Any]]:
    """The instance mask: k where persons together cover at least half of the pixel, and person k
    the most of it; else 0.

    Returns:
        (H, W) uint8, or uint16 for more than 255 persons.

    Raises:
        ValueError: More than 65535 persons.
    """
    if count > 65535:
        raise ValueError(f"{count} persons: a mask holds at most 65535")
    mask = np.where(coverage.total >= HALF, coverage.person, 0)
    return mask.astype(np.uint8 if count <= 255 else np.uint16)


def _labels(
    ids: NDArray[np.uint32], persons: PersonIds
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(label of each id, whether the id is a person's)."""
    if not len(persons.ids):
        return np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=bool)
    position = np.searchsorted(persons.ids, ids)
    position[position == len(persons.ids)] = 0
    return persons.labels[position], persons.ids[position] == ids
