"""Contents of the files that a recipe names: they, and not their paths, decide the images.

A hundred thousand photos are read once: the hash of each is stored beside the dataset by the file's
inode, size and times, so that the stored hashes contain no name of a file, folder or user.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ..recipes.recipe import Recipe
from ..scene.assets import Assets
from ..scene.named_packs import packs_hash
from ..scene.photos.files import files_beside

MEMORY_NAME = ".file_hashes.jsonl"
LONGEST_MEMORY = 1 << 28  # bytes; a million files take half of it
# A file changed this recently may change again without a new time of change: file systems count in
# steps of up to two seconds. A clock that was set back makes files of the future, which are read
# again too.
SETTLED_NS = 2_000_000_000
NOTE_AFTER = 5.0  # s

Identity = tuple[int, ...]  # inode, size in bytes, times of change of content and of inode, ns


class Stopped(Exception):  # noqa: N818  # the user's wish, and no error
    """`stop` returned True while files were read."""


class FileHashes:
    """SHA-256 of files, in hexadecimal, stored from run to run.

    Args:
        memory: File that stores the hashes; None stores nothing. Damaged lines are skipped, and
            their files are read again.
        stop: Called before every file that is read; `Stopped` is raised when it returns True.
        note: Called with a sentence when reading takes longer than some seconds.
    """

    def __init__(
        self,
        memory: Path | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._memory, self._stop, self._note = memory, stop, note
        self._started = time.monotonic()
        self._known: dict[Identity, str] = {}
        if memory is not None:
            self._recall(memory)

    def of_file(self, path: str | Path) -> str:
        """Hash of the content of a file.

        Raises:
            OSError: The file cannot be read.
            Stopped: `stop` returned True.
        """
        identity = _identity(path)
        if identity in self._known:
            return self._known[identity]
        if self._stop():
            raise Stopped
        if time.monotonic() - self._started > NOTE_AFTER:
            self._note(
                "reading every file that the recipe names once, to know it again when the run is "
                "resumed elsewhere"
            )
            self._note = lambda text: None
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        # It changed while it was read, or just before: this hash must not be stored.
        if _identity(path) == identity and time.time_ns() - max(identity[2:]) > SETTLED_NS:
            self._known[identity] = digest
            self._store(identity, digest)
        return digest

    def in_order(self, names: Iterable[str]) -> str:
        """Hash of contents in this order; a name that is no file, 'builtin:city', is its own."""
        whole = hashlib.sha256()
        for name in names:
            content = name if name.startswith("builtin") else self.of_file(name)
            whole.update(content.encode() + b"\n")
        return whole.hexdigest()

    def _recall(self, memory: Path) -> None:
        with contextlib.suppress(OSError):
            if memory.stat().st_size > LONGEST_MEMORY:
                memory.unlink()
            for line in memory.read_bytes().splitlines():
                with contextlib.suppress(ValueError, TypeError, RecursionError):
                    *identity, digest = json.loads(line)
                    if len(bytes.fromhex(digest)) == hashlib.sha256().digest_size:
                        self._known[tuple(map(int, identity))] = digest

    def _store(self, identity: Identity, digest: str) -> None:
        # No fsync: hashes lost in a crash are computed again. The line break comes first, so that
        # the half line of a killed run damages no other.
        if self._memory is not None:
            with self._memory.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps([*identity, digest]))


def content_of(recipe: Recipe, assets: Assets, hashes: FileHashes) -> dict[str, list[str]]:
    """Name what the lists of paths of a recipe stand for: words such as 'default', and hashes.

    Args:
        recipe: The recipe.
        assets: Its files, in the order in which they are drawn.
        hashes: Where hashes come from.

    Returns:
        Values by key ('background.photos'), for dataset.json. A list of files and folders becomes
        one hash of all files in their order.

    Raises:
        OSError: A file cannot be read.
        Stopped: See FileHashes.
    """
    drawn = {
        "poses.motions": (recipe.poses.motions, assets.motions),
        "wardrobe.textures": (recipe.wardrobe.textures, assets.textures),
        # Those of [scenery] are in the same lists.
        "light.hdris": ((*recipe.light.hdris, *recipe.scenery.panoramas), assets.hdris),
        "background.photos": (
            (*recipe.background.photos, *recipe.scenery.photos),
            (*assets.photos, *files_beside(assets.photos)),
        ),
    }
    contents = {
        key: [*words(items), f"sha256:{hashes.in_order(files)}"]
        for key, (items, files) in drawn.items()
        if len(words(items)) < len(items)
    }
    if recipe.wardrobe.packs:  # read already, and hashed
        contents["wardrobe.packs"] = [f"sha256:{packs_hash(assets.packs)}"]
    if recipe.scenery.props:
        contents["scenery.props"] = [f"sha256:{packs_hash(assets.props.items)}"]
    if recipe.scenery.textures:
        contents["scenery.textures"] = [f"sha256:{packs_hash(assets.surfaces.items)}"]
    # A body is drawn by its number in the list; the first UV file that fits is taken.
    for key, items in (("bodies.models", recipe.bodies.models), ("bodies.uvs", recipe.bodies.uvs)):
        contents[key] = [
            item if item == "default" else f"sha256:{hashes.of_file(item)}" for item in items
        ]
    return contents


def words(items: Iterable[str]) -> list[str]:
    """Those items of a list of paths that are no paths."""
    return [item for item in items if item.split(":")[0] in ("builtin", "default")]


def _identity(path: str | Path) -> Identity:
    status = os.stat(path)  # noqa: PTH116  # of a link's target, which is what is read
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
