"""The public names of pii_seg: lazy, documented, not replaced by commands of the same name."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pii_seg
from pii_seg.config import SIZES
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter

PACKAGE = Path(pii_seg.__file__).parent


def run(program: str) -> str:
    """The output of `program` in a fresh Python."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An untrained tiny network."""
    network = build_network(
        SIZES["tiny"], generator=torch.Generator().manual_seed(1), pretrained=False
    )
    path = tmp_path / "run" / "best.ckpt"
    path.parent.mkdir()
    save_checkpoint(path, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    return path


def test_the_import_loads_no_library() -> None:
    heavy = ("torch", "numpy", "cv2", "rich", "jsonargparse", "pytorch_lightning", "PIL")
    program = f"import sys, pii_seg; print([n for n in {heavy!r} if n in sys.modules])"
    assert run(program) == "[]"


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers, __all__ and the table of modules agree."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            original = f":{alias.name}" if alias.asname else ""
            imported[alias.asname or alias.name] = f"{node.module}{original}"
    assert imported == pii_seg._DEFINED_IN
    assert sorted(imported) == sorted(pii_seg.__all__)
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("name", pii_seg.__all__)
def test_every_name_can_be_imported_and_is_documented(name: str) -> None:
    value = getattr(pii_seg, name)
    assert callable(value)
    assert len(inspect.getdoc(value) or "") > 40
    assert name in dir(pii_seg)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = pii_seg.nonsense


@pytest.mark.parametrize("first", ["function", "command"])
def test_functions_are_not_replaced_by_the_commands_of_their_name(first: str) -> None:
    names = ("train", "evaluate", "calibrate")
    functions = [
        f"from pii_seg import {n}; import pii_seg; assert pii_seg.{n} is {n}" for n in names
    ]
    commands = [f"from pii_seg.{n} import main, parser; import pii_seg.{n}" for n in names]
    steps = [*functions, *commands, *functions] if first == "function" else [*commands, *functions]
    check = "import inspect; print(*map(inspect.isfunction, (train, evaluate, calibrate, main)))"
    assert run("\n".join([*steps, check])) == "True True True True"


def test_commands_still_run_as_modules() -> None:
    for name in ("train", "evaluate", "calibrate"):
        said = run(
            "import runpy, sys; sys.argv = ['x', '--help']\n"
            f"runpy.run_module('pii_seg.{name}', run_name='__main__')"
        )
        assert f"python -m pii_seg.{name}" in said


def test_example_of_the_package(checkpoint: Path) -> None:
    from pii_seg import Anonymizer, PersonSegmenter

    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    found = PersonSegmenter.load(checkpoint, threshold=1e-6).predict(image)
    assert found.mask.all()
    redacted = Anonymizer.load(checkpoint, threshold=1e-6).redact(image)
    assert redacted.shape == image.shape
    assert (redacted != image).mean() > 0.9
