"""The public names, the command `diffusion-synth`, and what importing or asking for help loads."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import diffusion_synth
from blender_addon.dataset import iter_lines
from diffusion_synth import Repainter, ShapeGuidedPipeline, load_pipeline, repaint_dataset
from diffusion_synth.__main__ import main
from diffusion_synth.command_line import Option, make_parser, parse
from diffusion_synth.command_options import RUN_OPTIONS, TRAIN_OPTIONS
from diffusion_synth.errors import InputError
from diffusion_synth.prompts.grammar import Prompt
from diffusion_synth.repaint.dataset_reader import Dataset
from tests.diffusion_synth.conftest import tiny_pipeline, write_dataset

ROOT = Path(diffusion_synth.__file__).resolve().parents[1]
# Every room imports only those before it: the commands come last, and library imports none.
ORDER = (
    "errors", "randomness", "pipeline", "prompts", "repaint", "training",
    "__init__", "command_line", "command_options", "run", "train", "__main__",
)  # fmt: skip
HEAVY = ("torch", "diffusers", "transformers", "cv2", "PIL")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny_pipeline("embedded").save_pretrained(path)
    return path


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """Two images of 48 px, one person each."""
    mask = np.zeros((48, 48), np.uint8)
    mask[4:44, 12:36] = 1
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    pairs = [(image, mask, {"persons": [{"id": 1}]}) for _ in range(2)]
    return write_dataset(tmp_path / "renders", pairs)


def loaded_after(program: str) -> list[str]:
    """The heavy modules that a new Python has loaded after `program`."""
    program += f"\nimport sys; print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stderr.split()


def test_importing_the_package_loads_neither_torch_nor_diffusers() -> None:
    assert loaded_after("import diffusion_synth; dir(diffusion_synth)") == []


@pytest.mark.parametrize("command", ["run", "train"])
def test_help_loads_neither_torch_nor_diffusers(command: str) -> None:
    program = f"from diffusion_synth.__main__ import main\ntry: main([{command!r}, '--help'])"
    assert loaded_after(program + "\nexcept SystemExit: pass") == []


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    assert set(diffusion_synth.__all__) <= set(dir(diffusion_synth))
    for name in diffusion_synth.__all__:
        public = getattr(diffusion_synth, name)
        assert name in public.__name__
        assert "    " in (public.__doc__ or ""), f"{name} has no example"
    with pytest.raises(AttributeError, match="no attribute 'Paint'"):
        diffusion_synth.Paint  # noqa: B018


def test_a_pipeline_is_loaded_and_repaints_an_image(model: Path) -> None:
    pipeline = load_pipeline(model)
    assert isinstance(pipeline, ShapeGuidedPipeline)
    image, mask = np.full((1, 16, 16, 3), 0.5, np.float32), np.zeros((16, 16), bool)
    mask[2:14, 4:12] = True
    (painted,) = pipeline(image, mask, "a woman in a red coat", num_inference_steps=2).images
    assert painted.size == (16, 16)


def test_the_bundled_generator_is_the_default() -> None:
    assert load_pipeline().native_size == 128


def test_a_repainter_repaints_a_sample_and_a_dataset(
    model: Path, renders: Path, tmp_path: Path
) -> None:
    repainter = Repainter.from_pipeline(load_pipeline(model), num_inference_steps=2)
    prompt = Prompt("a woman", "a street")
    (result,) = repainter.repaint(
        Dataset(renders).sample(0), lambda *_: prompt, lambda *_: 0, variants=[0]
    )
    assert result.accepted == 1
    tally = repaint_dataset(renders, tmp_path / "repainted", repainter, variants=2)
    assert (tally.images, tally.persons["accepted"]) == (4, 4)
    assert len(list(iter_lines(tmp_path / "repainted"))) == 4
    again = repaint_dataset(renders, tmp_path / "repainted", repainter, variants=2)
    assert again.images == 0


def test_the_console_script_is_the_main_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["diffusion-synth"] == "diffusion_synth.__main__:main"
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["diffusion_synth"]
    assert (ROOT / "diffusion_synth" / "py.typed").exists()


def test_subcommands_are_named_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "{run,train}" in capsys.readouterr().out
    assert main(["paint"]) == 2
    assert "expected the command run or train, got 'paint'" in capsys.readouterr().err
    for command in ("run", "train"):
        assert main([command, "--data", "nowhere", "--output", "out"]) == 2
        assert "nowhere: no dataset.json" in capsys.readouterr().err
        assert main([command]) == 2
        assert "--data and --output must be given" in capsys.readouterr().err


@pytest.mark.parametrize("groups", [RUN_OPTIONS, TRAIN_OPTIONS], ids=["run", "train"])
def test_every_option_is_a_sentence_with_its_default(groups: dict[str, list[Option]]) -> None:
    help_text = " ".join(make_parser("prog", "", None, groups).format_help().split())
    for option in (option for options in groups.values() for option in options):
        text = option.more.get("help", option.help)
        assert text[0].isupper() and text.endswith("."), option.name
        assert "_" not in option.name
        assert option.name in help_text
        has_default = option.type is bool or isinstance(option.default, int | float | str)
        assert "Default: " in text or "(required)" in text or has_default, option.name
    assert "==SUPPRESS==" not in help_text


def test_spellings_with_underscores_are_accepted() -> None:
    parser = make_parser("prog", "", None, RUN_OPTIONS)
    new = parse(parser, ["--min-iou", "0.5", "--self-attention=none", "--batch-size", "2"])
    old = parse(parser, ["--min_iou", "0.5", "--self_attention=none", "--batch_size", "2"])
    assert vars(new) == vars(old)
    assert (old.min_iou, old.self_attention, old.batch_size) == (0.5, "none", 2)
    segmenter = "my_module:from_file=a_b.ckpt"
    assert parse(parser, [f"--segmenter={segmenter}"]).segmenter == segmenter
    with pytest.raises(InputError, match="--sur-prise"):
        parse(parser, ["--sur_prise"])


def test_rooms_import_only_rooms_before_them() -> None:
    package = ROOT / "diffusion_synth"
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.name):
                other = [*(node.module or "").split("."), "__init__"][1]
                assert ORDER.index(other) <= ORDER.index(room), f"{path}:{node.lineno}"
