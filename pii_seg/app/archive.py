"""All images of a session as one zip archive, in the memory of one image."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pii_seg.app.session import Session
from pii_seg.errors import InputError, MediaError

LEFT_OUT = "not included.txt"


def zipped(session: Session, style: str, *, numbered: bool) -> Iterator[bytes]:
    """Yield a zip archive of all images that are ready, in parts.

    An image that cannot be written is named in a text file at the end of the archive.

    Args:
        session: Holds the images.
        style: A key of `redaction.STYLES`.
        numbered: Name the files 0001.png, 0002.jpg, ….
    """
    sent = _Sent()
    taken: set[str] = set()
    failed: list[str] = []
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:
        for place, number in enumerate(session.ready(), start=1):
            try:
                name, content = session.download(number, style)
            except (InputError, MediaError) as error:
                failed.append(f"{place:04d}: {error}")
                continue
            suffix = Path(name).suffix
            if numbered or name in taken:
                name = f"{place:04d}{suffix}" if numbered else f"{Path(name).stem}-{place}{suffix}"
            taken.add(name)
            # ZipInfo's default date is the first that a zip can hold, which tells nothing.
            archive.writestr(zipfile.ZipInfo(_encodable(name)), content)
            yield sent.take()
        if failed:
            archive.writestr(zipfile.ZipInfo(LEFT_OUT), "\n".join(failed) + "\n")
    yield sent.take()


def _encodable(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


class _Sent(io.RawIOBase):
    """Collects what is written until it is taken. It cannot go back, so zipfile does not."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: object, /) -> int:
        part = bytes(content)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
