"""Names of the tracks of a video, for `--keep`."""

from __future__ import annotations

import re
from typing import NamedTuple

from pii_seg.errors import InputError


class TrackName(NamedTuple):
    """The name of a track.

    Attributes:
        number: From 1.
        key: Hash of the video and of all settings that decide the numbers. With other settings 3
            may be another person, who would then stay visible by mistake.
    """

    number: int
    key: str

    def __str__(self) -> str:
        """Return the name as the user gives it."""
        return f"{self.number}-{self.key}"


def read_track(text: str) -> TrackName:
    """Parse a name such as 3-0a1b2c3d.

    Raises:
        InputError: It is none.
    """
    match = re.fullmatch(r"(\d{1,9})-([0-9a-f]{8})", text)
    if match is None:
        raise InputError(
            f"--keep {text}: expected a track such as 3-0a1b2c3d, as audit.json lists them for a "
            "video"
        )
    return TrackName(int(match[1]), match[2])
