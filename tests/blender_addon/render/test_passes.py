"""A pass is a row in two tables, and nowhere else: a forgotten one is named."""

from __future__ import annotations

from pathlib import Path

from blender_addon.dataset import PASS_FILES, PASS_FOLDERS
from blender_addon.recipes.recipe import PASSES
from blender_addon.render.passes import TABLE, Pass

RENDERED = {name for name, file in PASS_FILES.items() if file.rendered != "never"}
DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "dataset.md"


def test_every_rendered_pass_has_a_row_and_a_name() -> None:
    assert {*TABLE} == RENDERED, "render.passes.TABLE and dataset.PASS_FILES differ"
    assert {*Pass} == RENDERED, "render.passes.Pass and dataset.PASS_FILES differ"
    assert [name for name, row in TABLE.items() if row.encode is None] == [Pass.IMAGE]


def test_recipes_offer_what_is_rendered_on_request() -> None:
    assert RENDERED - set(PASSES) == {"image", "instances"}
    assert PASSES == ("alpha", "parts", "depth", "normals")


def test_no_two_passes_share_a_key_or_a_folder() -> None:
    assert len({file.key for file in PASS_FILES.values()}) == len(PASS_FILES)
    assert len(set(PASS_FOLDERS)) == len(PASS_FILES)


def test_only_images_are_opened_as_images() -> None:
    for name, file in PASS_FILES.items():
        is_image = file.extension in (".jpg", ".png")
        assert file.key.endswith("file_name") == is_image, name


def test_the_documentation_has_every_key() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert [file.key for file in PASS_FILES.values() if f"`{file.key}`" not in text] == []
