"""What can be wrong with a file that is to be anonymised."""

from __future__ import annotations


class MediaError(ValueError):
    """The file cannot be handled in full, so it is not handled at all.

    The message says what is wrong and what to do about it, without the file's path: whoever reports it puts that
    before.
    """
