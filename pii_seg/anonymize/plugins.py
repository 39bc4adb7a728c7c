"""Detectors of other packages and of the user, whose finds are redacted too (`--also`).

A detector is anything that can be called with an image:

    def find(image):                    # uint8 (H, W, 3), RGB, upright; must not be changed
        return [(x, y, width, height)]  # px, one for each find; none: []

It returns boxes, numbers (N, 4); or a mask, bool (H, W); or a mapping with "boxes", "mask" or both.
It is called by one thread at a time. A package names its detector as an entry point:

    [project.entry-points."pii_seg.detectors"]
    plates = "my_package.plates:find"   # then: --also plates

A function of a module needs none: `--also my_module:find`. A class is called once, without
arguments, and its instance finds. The attribute `identity`, a text, names what else decides the
finds (weights, thresholds); it is a part of what decides whether an output is up to date.

Finds are added to the redacted area, never taken from it. What fails, or returns anything else, is
an error that names the detector, and the image has no output.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.errors import InputError, MediaError
from pii_seg.inference.dilation import Component, components

GROUP = "pii_seg.detectors"
"""The group of entry points that packages name their detectors in."""

DEFAULT = ("faces",)
"""Detectors that are used without being asked for where a package has them."""

NONE = "none"
"""The value of --also that asks for no detector."""

Find = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Finds:
    """The finds of one detector in one image.

    Attributes:
        mask: bool (H, W), all of them.
        count: Number of boxes, and of connected parts of the mask.
        missed: Number of those of which the segmenter and its margin covered less than half.
    """

    mask: np.ndarray
    count: int
    missed: int


class PluginDetector:
    """A detector with its name. Methods may be called from several threads.

    Attributes:
        name: As it was asked for.
        identity: All that decides its finds, as far as it is known.
    """

    def __init__(self, name: str, find: Find, *, origin: str) -> None:
        """Wrap a detector.

        Args:
            name: As it was asked for.
            find: See the module.
            origin: Says where `find` comes from, with a version or a hash.
        """
        self.name = name
        own = getattr(find, "identity", None)
        self.identity = f"{origin}, {own}" if isinstance(own, str) else origin
        self._find = find
        self._lock = threading.Lock()

    def find(self, image: np.ndarray, covered: np.ndarray) -> Finds:
        """Return the finds in an image.

        Args:
            image: uint8 (H, W, 3), RGB.
            covered: bool (H, W), what is redacted without them.

        Raises:
            MediaError: The detector failed, or returned no finds; the message names it.
        """
        given = image.view()
        given.flags.writeable = False
        try:
            with self._lock:
                result = self._find(given)
            parts = list(_parts_of(result, image.shape[:2]))
        except Exception as error:  # whatever it is, this image was not searched
            what = " ".join(str(error).split())
            raise MediaError(
                f"detector {self.name} failed ({type(error).__name__}: {what}); correct it, or "
                "leave it out of --also"
            ) from error
        mask = np.zeros(image.shape[:2], bool)
        missed = 0
        for rows, columns, pixels in parts:
            mask[rows, columns] |= pixels
            missed += bool(2 * (covered[rows, columns] & pixels).sum() < pixels.sum())
        return Finds(mask, len(parts), missed)


def _parts_of(result: Any, size: tuple[int, int]) -> Iterable[Component]:
    """Yield the finds as slices of an image of `size`, height and width, and pixels in them."""
    if isinstance(result, Mapping):
        if unknown := set(result) - {"boxes", "mask"}:
            names = ", ".join(sorted(map(repr, unknown)))
            raise ValueError(f"expected the keys 'boxes' and 'mask', got {names}")
        for key in result:
            yield from _parts_of(result[key], size)
        return
    array = np.asarray(result)
    if array.dtype == bool and array.shape == size:
        yield from components(array)
    elif array.size == 0 and array.dtype != object and array.shape[-1:] in ((0,), (4,)):
        return
    elif array.dtype.kind in "iuf" and array.ndim == 2 and array.shape[1] == 4:
        yield from (_box(*map(float, box), size=size) for box in array)
    else:
        raise ValueError(
            f"expected boxes, numbers (N, 4), or a mask, bool {size}, got {array.dtype} "
            f"{array.shape}"
        )


def _box(x: float, y: float, width: float, height: float, *, size: tuple[int, int]) -> Component:
    """Return the pixels that a box touches."""
    if not np.isfinite([x, y, width, height]).all() or min(width, height) < 1:
        raise ValueError(
            f"expected x, y, width and height of at least a pixel, got "
            f"{x:g}, {y:g}, {width:g}, {height:g}"
        )
    rows, columns = (
        slice(max(0, int(np.floor(start))), min(most, int(np.ceil(start + length))))
        for start, length, most in ((y, height, size[0]), (x, width, size[1]))
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise ValueError(
            f"expected a box in an image of {size[1]} × {size[0]} px, got "
            f"{x:g}, {y:g}, {width:g}, {height:g}"
        )
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    return Component(rows, columns, np.ones(shape, bool))


def load_plugins(names: Sequence[str] | None) -> tuple[PluginDetector, ...]:
    """Load detectors.

    Args:
        names: Names of entry points, and functions as "module:function"; "none" for no detector;
            None: those of `DEFAULT` that are installed.

    Raises:
        InputError: One does not exist, or cannot be loaded.
    """
    installed: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        installed.setdefault(entry.name, []).append(entry)
    if names is None:
        names = [name for name in DEFAULT if name in installed]
    if NONE in names:
        if len(names) > 1:
            raise InputError(f"--also {NONE} asks for no detector; leave out the other names")
        return ()
    return tuple(_load(name, installed) for name in dict.fromkeys(names))


def _load(name: str, installed: Mapping[str, Sequence[EntryPoint]]) -> PluginDetector:
    entries = installed.get(name, ())
    packages = sorted({entry.dist.name if entry.dist else "?" for entry in entries})
    if len(packages) > 1:
        raise InputError(
            f"--also {name}: the packages {', '.join(packages)} have a detector of this name; "
            "uninstall all but one, or give module:function"
        )
    if not entries and ":" not in name:
        known = ", ".join(sorted(installed)) or NONE
        raise InputError(
            f"--also {name}: no package has a detector of this name (installed: {known}); install "
            "one, or give module:function"
        )
    try:
        if entries:
            found, dist = entries[0].load(), entries[0].dist
            origin = f"{dist.name} {dist.version}" if dist else entries[0].value
        else:
            module_name, _, attribute = name.partition(":")
            module = import_module(module_name)
            found, origin = getattr(module, attribute), f"{name} {_hash_of(module.__file__)}"
        if inspect.isclass(found):
            found = found()
    except Exception as error:  # whatever a module of another party raises when it is loaded
        what = " ".join(str(error).split())
        raise InputError(
            f"--also {name}: cannot be loaded ({type(error).__name__}: {what}); correct it, or "
            "leave it out"
        ) from error
    if not callable(found):
        raise InputError(f"--also {name}: expected a function, got {type(found).__name__}")
    return PluginDetector(name, found, origin=origin)


def _hash_of(path: str | None) -> str:
    """Return the beginning of the SHA-256 of a module's file, so that a changed one is noticed."""
    if path is None:
        return "without a file"
    return f"of SHA-256 {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]}"
