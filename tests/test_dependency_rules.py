"""The rules that keep the three packages apart (docs/decisions.md), read from the source with ast.

Each rule is a small function of (module path, syntax tree) that lists what breaks it; the tests at
the end of each part show that the rule catches a breach, so that an empty list means something.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")
BLENDER_MODULES = {
    "bpy",
    "bpy_extras",
    "bmesh",
    "mathutils",
    "gpu",
    "addon_utils",
    "bl_math",
    "OpenImageIO",
}
# Below blender_addon/: the only places that may import bpy.
BLENDER_ROOMS = {"stage", "character", "workbench", "render", "ui"}

# Below blender_addon/: each room may import those before it, and no room after it.
ROOM_ORDER = (
    "draws",
    "output_files",
    "dataset_lines",
    "dataset_credits",
    "dataset",
    "bodies",
    "props",
    "packs",
    "wardrobe",
    "recipes",
    "scene",
    "render",
    "stage",
    "datagen",
    "character",
    "workbench",
    "ui",
)
# The command modules of blender_addon, and the modules that may import one.
COMMANDS = ("batch", "command", "datagen.command_line")
COMMAND_USERS = {
    "blender_addon/batch.py",
    "blender_addon/command.py",
    "blender_addon/ui/command.py",
}

# The converter's whole purpose is to read what the smplx package reads, in a Python that has it; it
# imports both inside its functions, and nothing in the extension imports it.
FOREIGN_IMPORTS_ALLOWED = {"blender_addon/bodies/convert.py": {"smplx", "torch"}}

# `blender -b -P blender_addon/batch.py` runs it as a file: there is no package yet that it could be
# relative to.
RUN_AS_FILES = {"blender_addon/batch.py"}

MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
ALL_SOURCES = [
    *MODULES,
    *sorted(p for d in ("tools", "benchmarks", "tests") for p in (ROOT / d).rglob("*.py")),
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """Yield (line, level, dotted module) of every import, at module level or inside functions.

    Level 0 is absolute. `from a.b import c` counts as a.b.c: c may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, node.level, ".".join(filter(None, (node.module, alias.name)))


def addon_breaches(name: str, tree: ast.Module) -> list[str]:
    """List imports of a blender_addon module that Blender's Python does not have."""
    allowed = {*sys.stdlib_module_names, "numpy", *FOREIGN_IMPORTS_ALLOWED.get(name, ())}
    room = name.split("/")[1]
    breaches = []
    for line, level, module in imports(tree):
        top = module.split(".")[0]
        if level or top in allowed:
            continue
        if top in BLENDER_MODULES:
            if room not in BLENDER_ROOMS:
                breaches.append(f"{name}:{line} imports {top} outside {sorted(BLENDER_ROOMS)}")
        elif top == "blender_addon" and name in RUN_AS_FILES:
            continue
        elif top == "blender_addon":
            breaches.append(
                f"{name}:{line} imports its own package absolutely; Blender decides its name"
            )
        else:
            breaches.append(f"{name}:{line} imports {top}, which Blender's Python does not have")
    return breaches


def torch_package_breaches(name: str, tree: ast.Module) -> list[str]:
    """List forbidden imports of a module of pii_seg or diffusion_synth."""
    breaches = []
    for line, level, module in imports(tree):
        if level:
            breaches.append(f"{name}:{line} imports relatively; only blender_addon has to")
        elif module.split(".")[0] == "blender_addon" and module.split(".")[1:2] != ["dataset"]:
            breaches.append(f"{name}:{line} imports {module}; only blender_addon.dataset is shared")
        elif module.split(".")[0] == "pii_seg" and name.startswith("diffusion_synth/"):
            breaches.append(f"{name}:{line} imports {module}; it takes a segmenter as a callable")
        elif module.split(".")[0] in BLENDER_MODULES:
            breaches.append(f"{name}:{line} imports {module}; only blender_addon runs in Blender")
    return breaches


def own_imports(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted module below blender_addon) of the relative imports of one of its modules."""
    package = name.removesuffix(".py").split("/")[1:-1]
    for line, level, module in imports(tree):
        if level:
            base = package[: len(package) - level + 1]
            yield line, ".".join([*base, module])


def upward_breaches(name: str, tree: ast.Module) -> list[str]:
    """List imports of blender_addon from a later room, and of commands from the library."""
    room = name.split("/")[1].removesuffix(".py")
    breaches = []
    for line, module in own_imports(name, tree):
        other = module.split(".")[0]
        if {room, other} <= set(ROOM_ORDER) and ROOM_ORDER.index(other) > ROOM_ORDER.index(room):
            breaches.append(f"{name}:{line} imports {module}: {other} comes after {room}")
        is_command = any(module == c or module.startswith(f"{c}.") for c in COMMANDS)
        if is_command and name not in COMMAND_USERS:
            breaches.append(f"{name}:{line} imports the command module {module}")
    return breaches


def global_randomness(name: str, tree: ast.Module) -> list[str]:
    """List uses of random state of the whole process, where a generator should be an argument."""
    breaches = []
    for line, level, module in imports(tree):
        if level == 0 and module.startswith("random.") and module != "random.Random":
            breaches.append(f"{name}:{line} imports {module}")
        drawn = module.removeprefix("numpy.random.")
        if level == 0 and drawn != module and drawn != "default_rng" and not drawn[0].isupper():
            breaches.append(f"{name}:{line} imports {module}")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        head, _, last = called.rpartition(".")
        of_python = head == "random" and last != "Random"
        of_numpy = (
            head in ("np.random", "numpy.random")
            and last != "default_rng"
            and not last[0].isupper()
        )
        of_torch = called in (
            "torch.manual_seed",
            "torch.seed",
            "torch.cuda.manual_seed",
            "torch.cuda.manual_seed_all",
        )
        unseeded = last == "default_rng" and not node.args and not node.keywords
        if of_python or of_numpy or of_torch or unseeded or last == "seed_everything":
            breaches.append(
                f"{name}:{node.lineno} calls {called}" + (" without a seed" if unseeded else "")
            )
    return breaches


@pytest.mark.parametrize(
    "path", [p for p in MODULES if name_of(p).startswith("blender_addon/")], ids=name_of
)
def test_the_extension_imports_only_modules_that_blender_has(path: Path) -> None:
    assert addon_breaches(name_of(path), parse(path)) == []


@pytest.mark.parametrize(
    "path", [p for p in MODULES if not name_of(p).startswith("blender_addon/")], ids=name_of
)
def test_torch_packages_share_only_the_dataset_contract(path: Path) -> None:
    assert torch_package_breaches(name_of(path), parse(path)) == []


@pytest.mark.parametrize(
    "path", [p for p in MODULES if name_of(p).startswith("blender_addon/")], ids=name_of
)
def test_rooms_of_blender_addon_import_downwards(path: Path) -> None:
    assert upward_breaches(name_of(path), parse(path)) == []


def test_every_room_of_blender_addon_has_its_place() -> None:
    rooms = {p.parent.name for p in (ROOT / "blender_addon").glob("*/__init__.py")}
    files = {"draws", "output_files", "dataset_lines", "dataset_credits", "dataset"}
    assert rooms == set(ROOM_ORDER) - files
    assert rooms >= BLENDER_ROOMS


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("blender_addon/scene/people.py", "from ..stage import stage", "stage comes after scene"),
        ("blender_addon/dataset.py", "from .bodies import model", "bodies comes after dataset"),
        ("blender_addon/bodies/model.py", "def f():\n    from ..ui import tab", "ui comes after"),
        ("blender_addon/datagen/generate.py", "from .command_line import main", "command module"),
        ("blender_addon/ui/tab.py", "from ..batch import main", "command module batch"),
    ],
)
def test_direction_rule_catches(name: str, source: str, said: str) -> None:
    assert said in "".join(upward_breaches(name, ast.parse(source)))


@pytest.mark.parametrize("path", ALL_SOURCES, ids=name_of)
def test_no_module_draws_from_global_random_state(path: Path) -> None:
    assert global_randomness(name_of(path), parse(path)) == []


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("blender_addon/scene/sampling.py", "import scipy.stats", "imports scipy"),
        ("blender_addon/scene/sampling.py", "def f():\n    import bpy", "imports bpy outside"),
        ("blender_addon/scene/sampling.py", "from blender_addon import recipe", "absolutely"),
        ("blender_addon/bodies/library.py", "import smplx", "imports smplx"),
        ("blender_addon/bodies/convert.py", "import scipy", "imports scipy"),
    ],
)
def test_extension_rule_catches(name: str, source: str, said: str) -> None:
    assert said in "".join(addon_breaches(name, ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import bpy",
        "from mathutils import Vector",
        "from ..scene.spec import SceneSpec",
        "import numpy as np",
    ],
)
def test_extension_rule_accepts_bpy_in_the_rooms_of_blender(source: str) -> None:
    assert addon_breaches("blender_addon/stage/people.py", ast.parse(source)) == []


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        (
            "pii_seg/data/datamodule.py",
            "from blender_addon.scene.sampling import sample_scene",
            "only blender_addon.dataset",
        ),
        ("pii_seg/data/datamodule.py", "import blender_addon", "only blender_addon.dataset"),
        (
            "pii_seg/data/datamodule.py",
            "from blender_addon import recipe",
            "only blender_addon.dataset",
        ),
        ("pii_seg/data/datamodule.py", "from . import model", "relatively"),
        ("diffusion_synth/run.py", "from pii_seg.models.segmenter import Segmenter", "callable"),
        ("diffusion_synth/run.py", "import bpy", "only blender_addon runs"),
    ],
)
def test_torch_package_rule_catches(name: str, source: str, said: str) -> None:
    assert said in "".join(torch_package_breaches(name, ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["from blender_addon.dataset import iter_lines", "from blender_addon import dataset"]
)
def test_torch_package_rule_accepts_the_contract(source: str) -> None:
    assert torch_package_breaches("pii_seg/export_coco.py", ast.parse(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "np.random.seed(1)",
        "x = numpy.random.rand(3)",
        "from numpy.random import rand",
        "import random\nx = random.random()",
        "from random import choice",
        "torch.manual_seed(0)",
        "lightning.seed_everything(1)",
        "rng = np.random.default_rng()",
    ],
)
def test_randomness_rule_catches(source: str) -> None:
    assert global_randomness("m.py", ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "rng = np.random.default_rng([seed, index])",
        "g = np.random.Generator(np.random.PCG64(3))",
        "streams = np.random.SeedSequence(3).spawn(2)",
        "from numpy.random import Generator, default_rng",
        "g = torch.Generator().manual_seed(1)",
        "x = rng.random()",
        "import random\nr = random.Random(3)",
    ],
)
def test_randomness_rule_accepts_generators(source: str) -> None:
    assert global_randomness("m.py", ast.parse(source)) == []


def test_pure_parts_import_without_blender() -> None:
    """Every module outside BLENDER_ROOMS still imports where no module of Blender does."""
    pure = [
        name_of(p).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for p in MODULES
        if name_of(p).startswith("blender_addon/") and name_of(p).split("/")[1] not in BLENDER_ROOMS
    ]
    program = "\n".join(
        [
            "import importlib, sys",
            "# Importing a module that is None raises ImportError.",
            f"for name in {sorted(BLENDER_MODULES)!r}: sys.modules[name] = None",
            f"for name in {pure!r}: importlib.import_module(name)",
            "foreign = {'torch', 'smplx', 'scipy', 'PIL'}",
            "print(*sorted(foreign & sys.modules.keys()))",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "", "imported although Blender lacks it"


def test_no_module_is_named_for_being_useful() -> None:
    vague = {"utils", "util", "helpers", "common", "misc"}
    assert [
        name_of(p) for p in ALL_SOURCES if vague & {p.stem, *p.relative_to(ROOT).parts[:-1]}
    ] == []
