import os
from pathlib import Path

import pytest

from blender_addon.bodies.formats import save_model
from blender_addon.bodies.library import default_body
from blender_addon.recipes.fields import RecipeError
from blender_addon.scene.assets import open_body


def test_a_body_is_read_again_only_when_its_file_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "body.npz"
    save_model(default_body(), path)
    first = open_body(str(path))
    assert open_body(str(path)) is first
    os.utime(path, ns=(1, 1))
    again = open_body(str(path))
    assert again is not first
    assert (again.v_template == first.v_template).all()


def test_a_body_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert open_body("default") is default_body()
    with pytest.raises(RecipeError, match=r"bodies\.models: .*none\.npz"):
        open_body(str(tmp_path / "none.npz"))
