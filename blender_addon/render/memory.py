"""Gives memory that the C library keeps for later back to the system.

Blender and Cycles allocate and free hundreds of megabytes of small blocks for every frame. glibc
keeps them, and as no two frames need the same sizes it keeps a little more after each: what is in
use stays the same, the resident memory of a long run grows.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache


def give_back() -> bool:
    """Return all free pages of the C library to the system; it takes about 10 ms.

    Returns:
        Whether this C library can do that; only glibc can.
    """
    trim = _trim()
    if trim is None:
        return False
    trim(0)
    return True


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):  # another C library
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
