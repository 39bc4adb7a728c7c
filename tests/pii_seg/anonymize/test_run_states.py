"""After any sequence of changes, failures, kills and runs, journal, audit and folder agree."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.inputs import collect_inputs
from pii_seg.anonymize.instance_files import are_as_recorded, paths_of
from pii_seg.anonymize.journal import Journal, Record
from pii_seg.anonymize.run import anonymize_files
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import InputError
from tests.fuzz import fuzz_count

NAMES = ("a.png", "sub/b.png", "c.what")
GARBAGE = 9  # the version of a file that cannot be decoded


def pixels_of(name: str, version: int) -> np.ndarray:
    seed = [NAMES.index(name), version]
    return np.random.default_rng(seed).integers(60, 200, (6, 16, 3), dtype=np.uint8)


def mask_of(version: int) -> np.ndarray:
    mask = np.zeros((6, 16), np.uint8)
    mask[:, : version + 1] = 255
    return mask


@dataclass
class World:
    """Inputs, masks and outputs in `root`, and what is known about them."""

    root: Path
    style: str = "solid"
    described: bool = False
    inputs: dict[str, int] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)

    @property
    def output(self) -> Path:
        return self.root / "out"

    def write(self, name: str, version: int) -> None:
        self.inputs[name] = version
        path = self.root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if version == GARBAGE:
            path.write_bytes(b"\x89PNG\r\n\x1a\ngarbage")
        else:
            Image.fromarray(pixels_of(name, version)).save(path, "PNG")

    def delete(self, name: str, version: int) -> None:
        if len(self.inputs) > 1 and name in self.inputs:
            del self.inputs[name]
            (self.root / "in" / name).unlink()

    def mask(self, name: str, version: int) -> None:
        path = self.root / "masks" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if version == GARBAGE:
            self.masks.pop(name, None)
            path.unlink(missing_ok=True)
        else:
            self.masks[name] = version
            Image.fromarray(mask_of(version)).save(path)

    def restyle(self, name: str, version: int) -> None:
        self.style = ("solid", "mosaic", "inpaint")[version % 3]

    def describe(self, name: str, version: int) -> None:
        self.described = version % 2 == 1

    def spoil(self, name: str, version: int) -> None:
        """Change or delete an output, its mask and its JSON by hand."""
        for path in [*self.output.glob(f"{name}*"), *self.output.glob(f"instances/{name}*")]:
            if version % 2:
                path.unlink()
            else:
                path.write_bytes(b"spoilt")
                self.spoilt.add(path.relative_to(self.output).as_posix())

    def anonymize(self, *, force: bool) -> Any:
        files = collect_inputs([self.root / "in"], self.output, masks=self.root / "masks")
        anonymizer = Anonymizer(None, style=self.style, dilate=0)
        options = Options(force=force, write_masks=self.described, write_json=self.described)
        return anonymize_files(files, self.output, anonymizer, options, masks=self.root / "masks")

    def run(self, name: str, version: int) -> None:
        try:
            outcome, audit = self.anonymize(force=version % 2 == 1)
        except InputError as error:
            assert "other settings" in str(error)
            return
        self.spoilt.clear()
        self.check_outputs(outcome, audit)

    def kill(self, name: str, version: int) -> None:
        """Run, and end the process before its n-th change of the disk that must be durable."""
        child = os.fork()
        if child == 0:
            left = [version * 2 + NAMES.index(name)]
            for call in ("fsync", "replace", "unlink", "truncate"):
                setattr(os, call, ending(getattr(os, call), left))
            try:
                self.anonymize(force=version % 2 == 1)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    def files(self) -> set[str]:
        return {
            path.relative_to(self.output).as_posix()
            for path in self.output.rglob("[!.]*")
            if path.is_file()
            and not path.name.startswith("audit.")
            and not path.relative_to(self.output).as_posix().startswith(".")  # left by a kill
        }

    def records(self) -> list[Record]:
        return list(Journal(self.output / "audit.jsonl").records.values())

    def check(self) -> None:
        """Every output is listed as it is; the audit, where there is one, says the same."""
        if not self.output.exists():
            return
        records = self.records()
        listed = {record["output"]: record["output_sha256"] for record in records}
        present = self.files()
        more = {path for record in records for path in paths_of(record)}
        assert present <= set(listed) | more
        for name in present - self.spoilt - more:
            assert sha256_of(self.output / name) == listed[name]

    def check_outputs(self, outcome: Any, audit: dict[str, Any]) -> None:
        present = self.files()
        assert json.loads((self.output / "audit.json").read_text()) == audit
        made = {record["name"]: record for record in audit["files"]}
        there = {r["output"] for r in audit["files"]} | {r["output"] for r in audit["earlier"]}
        described = [record for record in self.records() if record["output"] in there]
        assert there | {path for record in described for path in paths_of(record)} == present
        for record in described:
            if record["name"] in outcome.current:
                assert are_as_recorded(record, self.output)
                assert len(paths_of(record)) == 2 * self.described
        assert audit["not_of_this_run"] == []
        failed = {entry["file"] for entry in audit["failed"]}
        readable = {n for n, version in self.inputs.items() if version != GARBAGE}
        assert failed == {n for n in self.inputs if n not in readable or n not in self.masks}
        assert outcome.current == set(self.inputs) - failed
        assert not failed & set(made)
        for name in outcome.current:
            content = (self.output / made[name]["output"]).read_bytes()
            written = decode_file(content).frames[0].pixels
            pixels = pixels_of(name, self.inputs[name])
            own = mask_of(self.masks[name]) > 0
            mask = Anonymizer(None, dilate=0).find(pixels, own).mask
            np.testing.assert_array_equal(written[~mask], pixels[~mask])
            if self.style != "inpaint":  # its seed is fresh
                expected, _ = Anonymizer(None, style=self.style).replace(pixels, mask)
                np.testing.assert_array_equal(written, expected)


def ending(call: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return call(*arguments, **options)

    return counted


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("write", "delete", "mask", "restyle", "describe", "spoil"),
                *("run", "run", "run", "kill", "kill"),
            ]
        ),
        st.sampled_from(NAMES),
        st.sampled_from([0, 1, 2, 3, 4, 5, GARBAGE]),
    ),
    min_size=2,
    max_size=10,
)


@pytest.mark.fuzz
@settings(max_examples=fuzz_count(0.1), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("run", "a.png", 0), ("mask", "a.png", 3), ("run", "a.png", 0)])
@example([("run", "a.png", 0), ("restyle", "a.png", 1), ("write", "a.png", 9), ("run", "a.png", 1)])
@example([("run", "a.png", 0), ("restyle", "a.png", 1), ("kill", "a.png", 5), ("run", "a.png", 1)])
@example(
    [("describe", "a.png", 1), ("run", "a.png", 0), ("spoil", "a.png", 1), ("run", "a.png", 0)]
)
@example([("describe", "", 1), *[("kill", name, 5) for name in NAMES], ("run", "", 0)])
@given(STEPS)
def test_journal_audit_and_folder_agree(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name in NAMES:
            world.write(name, 0)
            world.mask(name, 0)
        for step, name, version in steps:
            getattr(world, step)(name, version)
            world.check()
        world.run("", 1)  # whatever happened, --force comes to an end
        world.check()
