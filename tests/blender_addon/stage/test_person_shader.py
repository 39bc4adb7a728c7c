"""The person material: the shader covers what numpy says it covers, and dressing is cheap and
repeatable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.model import BodyModel
from blender_addon.wardrobe.chart import body_chart
from blender_addon.wardrobe.coverage import fields
from blender_addon.wardrobe.outfit import Fabric, Garment, Hair, Outfit
from blender_addon.wardrobe.sampling import sample_outfit

SIZE = 96

# One flat colour for each layer: shown without light, a pixel tells the layer it belongs to.
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
BALD = Hair("bald", top=-99.0, volume=0.0)


def flat(color: tuple[float, float, float]) -> Fabric:
    return Fabric(color=color, weave=0.0)


@pytest.fixture(scope="module")
def chart(body: BodyModel) -> dict[str, np.ndarray]:
    return body_chart(body)


class PersonScene:
    """The mean body in the T-pose before an orthographic camera, all surfaces shining in their own
    colour.
    """

    def __init__(self, bpy: Any, body: BodyModel, chart: dict[str, np.ndarray]) -> None:
        from blender_addon.stage.body_mesh import attach_chart
        from blender_addon.stage.images import ImageCache
        from blender_addon.stage.shading import set_harmonics

        self.bpy, self.body = bpy, body
        self.scene = bpy.data.scenes.new("person material")
        mesh = bpy.data.meshes.new("person material")
        mesh.from_pydata(body.v_template.tolist(), [], body.faces.tolist(), shade_flat=False)
        uv = mesh.uv_layers.new(name="UVMap")
        assert body.uv is not None
        uv.data.foreach_set("uv", body.uv.astype(np.float32).ravel())
        attach_chart(mesh, chart)
        self.person = bpy.data.objects.new("person material", mesh)
        self.camera = bpy.data.objects.new(
            "person material", bpy.data.cameras.new("person material")
        )
        self.camera.data.type = "ORTHO"
        self.camera.data.ortho_scale = 1.9
        centre = body.v_template.min(axis=0) / 2 + body.v_template.max(axis=0) / 2
        self.centre = centre
        self.camera.location = (centre[0], centre[1], 5.0)  # the body's own axes: Y up, facing +Z
        for obj in (self.person, self.camera):
            self.scene.collection.objects.link(obj)
        self.scene.camera = self.camera
        render = self.scene.render
        render.engine, render.resolution_x, render.resolution_y = "CYCLES", SIZE, SIZE
        render.film_transparent = True
        self.scene.cycles.samples, self.scene.cycles.pixel_filter_type = 1, "BOX"
        self.scene.cycles.use_denoising = False
        self.scene.view_settings.view_transform = "Raw"
        self.images = ImageCache()
        set_harmonics(
            [1.0 / 0.886227] + [0.0] * 8
        )  # the same light from everywhere: a pixel is its albedo

    def render(self, tmp_path: Path) -> np.ndarray:
        """(SIZE, SIZE, 4) linear, top row first."""
        render = self.scene.render
        render.image_settings.file_format, render.image_settings.color_depth = "OPEN_EXR", "32"
        render.filepath = str(tmp_path / "shot.exr")
        self.bpy.ops.render.render(write_still=True, scene=self.scene.name)
        image = self.bpy.data.images.load(render.filepath)
        pixels = np.empty(SIZE * SIZE * 4, dtype=np.float32)
        image.pixels.foreach_get(pixels)
        self.bpy.data.images.remove(image)
        return pixels.reshape(SIZE, SIZE, 4)[::-1]

    def dress(self, outfit: Outfit) -> None:
        from blender_addon.stage.person_shader import apply_outfit

        apply_outfit(self.person, outfit, self.images)

    def pixels_of(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 2) column and row of each vertex."""
        scale = SIZE / 1.9
        x = (vertices[:, 0] - self.centre[0]) * scale + SIZE / 2
        y = SIZE / 2 - (vertices[:, 1] - self.centre[1]) * scale
        return np.stack([x, y], axis=1)

    def close(self) -> None:
        from blender_addon.stage.shading import set_harmonics

        set_harmonics(None)
        for obj in (self.person, self.camera):
            self.bpy.data.objects.remove(obj)
        self.bpy.data.scenes.remove(self.scene)


@pytest.fixture(scope="module")
def person_scene(bpy: Any, body: BodyModel, chart: dict[str, np.ndarray]) -> Iterator[PersonScene]:
    person_scene = PersonScene(bpy, body, chart)
    yield person_scene
    person_scene.close()


def dressed() -> Outfit:
    return Outfit(
        skin=(0.0, 0.0, 0.0),
        hair=replace(BALD, color=(1.0, 1.0, 0.0)),
        garments=(
            Garment("jeans", flat(BLUE), hem=-1.6, waist=0.15),
            Garment("t-shirt", flat(RED), hem=0.05, sleeve=0.4, neck=0.01),
            Garment("jacket", flat(GREEN), hem=-0.1, sleeve=0.8, neck=0.01, opening=0.07),
        ),
    )


def test_the_shader_covers_what_numpy_says(
    person_scene: PersonScene, body: BodyModel, chart: dict[str, np.ndarray], tmp_path: Path
) -> None:
    outfit = dressed()
    person_scene.dress(outfit)
    image = person_scene.render(tmp_path)

    # Each vertex that faces the camera, in front of all others in its pixel, and well inside its
    # layer.
    of = fields(chart, outfit)
    layers = np.select([of["outer"] > 0, of["top"] > 0, of["bottom"] > 0], [1, 0, 2], default=3)
    margin = np.min([np.abs(of[name]) for name in ("outer", "top", "bottom")], axis=0)
    at = np.floor(person_scene.pixels_of(body.v_template)).astype(int)
    front = np.full((SIZE, SIZE), -np.inf)
    np.maximum.at(front, (at[:, 1], at[:, 0]), body.v_template[:, 2])
    seen = (
        (body.v_template[:, 2] > front[at[:, 1], at[:, 0]] - 0.005)
        & (margin > 0.03)
        & (chart["neck"] > 0.02)
    )
    seen &= image[at[:, 1], at[:, 0], 3] > 0.5
    shown = image[at[:, 1], at[:, 0], :3]
    shown_layer = np.where(shown.max(axis=1) > 0.2, shown.argmax(axis=1), 3)
    for layer in range(4):
        assert (seen & (layers == layer)).sum() > 25
    assert (shown_layer[seen] == layers[seen]).mean() > 0.97


def test_dressing_again_gives_the_same_image(person_scene: PersonScene, tmp_path: Path) -> None:
    person_scene.dress(dressed())
    first = person_scene.render(tmp_path)
    person_scene.dress(sample_outfit(np.random.default_rng(1)))
    other = person_scene.render(tmp_path)
    person_scene.dress(dressed())
    np.testing.assert_array_equal(person_scene.render(tmp_path), first)
    assert np.abs(other - first).max() > 0.1


def test_patterns_show_their_colours(person_scene: PersonScene, tmp_path: Path) -> None:
    for pattern, least in (
        ("plain", 0),
        ("stripes", 40),
        ("checks", 40),
        ("dots", 15),
        ("floral", 15),
        ("melange", 15),
    ):
        fabric = Fabric(pattern, RED, GREEN, BLUE, scale=0.12, weave=0.0)
        shirt = Garment("sweater", fabric, hem=-0.1, sleeve=1.0, neck=0.0)
        person_scene.dress(Outfit(skin=(0.0, 0.0, 0.0), hair=BALD, garments=(shirt,)))
        image = person_scene.render(tmp_path)
        assert (image[..., 0] > 0.3).sum() > 100, pattern
        green = (image[..., 1] > 0.3).sum()
        assert green >= least if least else green == 0, pattern


def test_properties_are_plain_and_few(person_scene: PersonScene) -> None:
    from blender_addon.stage.outfit_properties import PREFIX, outfit_properties

    names = {f"{PREFIX}{name}" for name in outfit_properties(dressed())}
    bare = {f"{PREFIX}{name}" for name in outfit_properties(Outfit())}
    assert names == bare  # or something of the last outfit would stay on
    person_scene.dress(dressed())
    assert names <= set(person_scene.person.keys())
    assert len(names) < 32


def test_dressing_takes_less_than_two_milliseconds_and_rebuilds_nothing(
    person_scene: PersonScene,
) -> None:
    outfits = [sample_outfit(np.random.default_rng(i)) for i in range(20)]
    person_scene.dress(outfits[0])
    before = [
        (tree.name, len(tree.nodes))
        for tree in (m.node_tree for m in person_scene.bpy.data.materials)
        if tree
    ]
    times = []
    for outfit in outfits:
        start = time.perf_counter()
        person_scene.dress(outfit)
        times.append(time.perf_counter() - start)
    after = [
        (tree.name, len(tree.nodes))
        for tree in (m.node_tree for m in person_scene.bpy.data.materials)
        if tree
    ]
    assert np.median(times) < 0.002
    assert before == after


def test_every_link_of_the_tree_is_valid(person_scene: PersonScene) -> None:
    from blender_addon.stage.person_shader import person_material

    material = person_material()
    assert person_material() is material
    assert all(link.is_valid for link in material.node_tree.links)


def test_a_uv_texture_replaces_the_paint_and_goes_again(
    person_scene: PersonScene, tmp_path: Path
) -> None:
    paths = []
    for name, color in (("red", RED), ("green", GREEN)):
        image = person_scene.bpy.data.images.new(name, 8, 8)
        image.pixels.foreach_set(np.tile([*color, 1.0], 64).astype(np.float32))
        paths.append(str(tmp_path / f"{name}.png"))
        image.filepath_raw, image.file_format = paths[-1], "PNG"
        image.save()
        person_scene.bpy.data.images.remove(image)
    for path, channel in zip(paths, (0, 1), strict=True):
        person_scene.dress(Outfit(texture=path))
        person = person_scene.render(tmp_path)
        person = person[person[..., 3] > 0.99][:, :3]
        assert (person.argmax(axis=1) == channel).all()
    count = len(person_scene.bpy.data.materials)
    person_scene.dress(Outfit(texture=paths[0]))
    assert (
        len(person_scene.bpy.data.materials) == count
    )  # a person keeps one material for all textures
    person_scene.dress(dressed())
    image = person_scene.render(tmp_path)
    assert (image[..., 2] > 0.3).any()


def test_a_missing_or_broken_texture_is_named(person_scene: PersonScene, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nobody\.png"):
        person_scene.dress(Outfit(texture=str(tmp_path / "nobody.png")))
    broken = tmp_path / "broken.png"
    broken.write_text("not a picture")
    with pytest.raises(ValueError, match=r"broken\.png"):
        person_scene.dress(Outfit(texture=str(broken)))


def test_a_chart_of_another_body_is_refused(bpy: Any, chart: dict[str, np.ndarray]) -> None:
    from blender_addon.stage.body_mesh import attach_chart

    mesh = bpy.data.meshes.new("triangle")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    with pytest.raises(ValueError, match="3 vertices"):
        attach_chart(mesh, chart)
    bpy.data.meshes.remove(mesh)
