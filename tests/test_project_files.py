"""The files around the code agree with each other and hold nothing of one machine."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import blender_addon

ROOT = Path(__file__).resolve().parents[1]

# In brackets, so that this file does not hold what it looks for.
REGISTRY_HOSTS = re.compile(r"python[h]osted|npm[j]s[.]|[/.]pypi[.]|//deb[.]debian|[/]simple/")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:w[o]rk|r[o]ot|h[o]me/\w+|Us[e]rs/\w+)/")
LARGEST_FILE = 6 << 20  # bytes; the default body may have 6 MB


def read_toml(name: str) -> dict:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def project_files() -> list[Path]:
    """Every file that is, or is about to be, under version control."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the project cannot be told")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue  # binary
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if REGISTRY_HOSTS.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_no_file_is_too_large_to_ship() -> None:
    large = [
        p.relative_to(ROOT).as_posix() for p in project_files() if p.stat().st_size > LARGEST_FILE
    ]
    # Tests of their own weigh them.
    assert large == [
        "diffusion_synth/embedded/unet/diffusion_pytorch_model.safetensors",
        "pii_seg/bundled/small/model.safetensors",
        "pii_seg/bundled/small/onnx/model.onnx",
    ]


def test_no_licensed_body_model_is_in_the_tree() -> None:
    """SMPL's files are licensed to whoever downloaded them."""
    foreign = re.compile(
        r"(SMPL|MANO|FLAME|STAR|SUPR|basicModel)\w*\.(npz|pkl|obj)$", re.IGNORECASE
    )
    assert [str(p.relative_to(ROOT)) for p in project_files() if foreign.search(p.name)] == []


LOCKS = ("requirements.lock", "locks/smplx.txt", "locks/uv.txt")
PIN = re.compile(
    r"[a-z0-9][a-z0-9._-]*==[0-9][\w.+!-]*(?: ; [^\\]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+"
)


def test_locks_pin_every_package_with_hashes_and_hold_no_address() -> None:
    for name in LOCKS:
        pins = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
        assert pins
        assert [pin for pin in pins if not PIN.fullmatch(pin)] == []


def test_nobody_gets_the_non_commercial_package_without_asking() -> None:
    assert not re.search(r"^smplx\b", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert re.match(r"smplx==", (ROOT / "locks/smplx.txt").read_text())


def test_every_installation_checks_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    assert len(installs) == 4
    assert [line for line in installs if "--require-hashes" not in line] == [
        "\t$(UV) pip install --python $(PYTHON) --no-deps --no-build-isolation --editable ."
    ]


def test_lock_covers_every_direct_dependency() -> None:
    project = read_toml("pyproject.toml")
    wanted = [
        *project["project"]["dependencies"],
        *(d for extra in project["project"]["optional-dependencies"].values() for d in extra),
        *(d for group in project["dependency-groups"].values() for d in group),
    ]
    names = {
        re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")
        for requirement in wanted
    }
    locked = {
        line.split("==")[0]
        for name in LOCKS
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    }
    assert names - locked == set()


def test_manifest_distribution_and_package_have_one_version() -> None:
    version = read_toml("pyproject.toml")["project"]["version"]
    assert read_toml("blender_manifest.toml")["version"] == version
    assert version == blender_addon.VERSION


def test_every_licence_named_is_there_in_full() -> None:
    expression = read_toml("pyproject.toml")["project"]["license"]
    manifest = [
        name.removeprefix("SPDX:") for name in read_toml("blender_manifest.toml")["license"]
    ]
    for name in {*re.split(r" (?:AND|OR) ", expression), *manifest}:
        assert len((ROOT / "LICENSES" / f"{name}.txt").read_text(encoding="utf-8").split()) > 900, (
            name
        )


def test_ci_script_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_help_lists_every_target() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    said = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (phony,) = re.findall(
        r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert re.findall(r"^  make (\S+)", said, re.MULTILINE) == phony.split()


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_whatever_uses_the_budget_of_fuzzers_is_run_by_make_fuzz() -> None:
    unmarked = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            if "fuzz_count" in names_in(node) and "mark.fuzz" not in marks:
                unmarked.append(f"{path.name}: {node.name}")
    assert not unmarked, "give them @pytest.mark.fuzz"
