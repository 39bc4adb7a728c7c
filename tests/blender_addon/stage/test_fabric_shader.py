"""Materials of cloth and skin that are meshes: they show the tile that the properties name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.wardrobe.fabric_images import tile, tile_origin
from blender_addon.wardrobe.fabric_sampling import with_cloth
from blender_addon.wardrobe.outfit import Complexion, Fabric, Garment, Outfit
from blender_addon.wardrobe.sampling import sample_outfit
from blender_addon.wardrobe.skin_detail import with_skin_detail
from blender_addon.wardrobe.tile_grid import SIZE

PIXELS = 32


def test_a_look_up_gives_the_channels_of_its_tile(bpy: Any, tmp_path: Path) -> None:
    from blender_addon.stage.atlas import look_up
    from blender_addon.stage.nodes import clear_tree

    scene = bpy.data.scenes.new("tile")
    mesh = bpy.data.meshes.new("tile")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("tile")
    nodes = clear_tree(material)
    place = nodes.node("ShaderNodeNewGeometry").outputs["Position"]
    # Two tiles to the right and up: they repeat.
    moved = nodes.vector("ADD", place, (2.0, 5.0, 0.0))
    second, _, shade, height = look_up(nodes, moved, (*tile_origin("leopard"), 0.0))
    emission = nodes.node("ShaderNodeEmission")
    nodes.put(nodes.join(second, shade, height), emission.inputs["Color"])
    nodes.put(emission.outputs[0], nodes.node("ShaderNodeOutputMaterial").inputs["Surface"])
    mesh.materials.append(material)
    person = bpy.data.objects.new("tile", mesh)
    camera = bpy.data.objects.new("tile", bpy.data.cameras.new("tile"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 1.0
    camera.location = (0.5, 0.5, 3.0)
    for obj in (person, camera):
        scene.collection.objects.link(obj)
    scene.camera = camera
    render = scene.render
    render.engine, render.resolution_x, render.resolution_y = "CYCLES", PIXELS, PIXELS
    scene.cycles.samples, scene.cycles.pixel_filter_type = 64, "BOX"
    render.image_settings.file_format, render.image_settings.color_depth = "OPEN_EXR", "32"
    render.filepath = str(tmp_path / "tile.exr")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(render.filepath)
    pixels = np.empty(PIXELS * PIXELS * 4, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    for data, owner in ((image, "images"), (material, "materials"), (scene, "scenes")):
        getattr(bpy.data, owner).remove(data)
    bpy.data.objects.remove(person)
    bpy.data.objects.remove(camera)

    n = SIZE // PIXELS
    expected = tile("leopard")[..., [0, 2, 3]].reshape(PIXELS, n, PIXELS, n, 3).mean(axis=(1, 3))
    found = pixels.reshape(PIXELS, PIXELS, 4)[..., :3]
    assert np.abs(found - expected).mean() < 0.05
    assert np.corrcoef(found[..., 0].ravel(), expected[..., 0].ravel())[0, 1] > 0.95


def test_properties_follow_the_fabric_and_the_distance() -> None:
    from blender_addon.stage.fabric_properties import fabric_properties, skin_properties

    shirt = Garment("shirt", Fabric(cloth="denim", figure="tartan", repeat=0.2))
    outfit = Outfit(garments=(shirt,), complexion=Complexion(freckles=0.5, blush=0.4))
    near, far = fabric_properties(outfit, 0.001), fabric_properties(outfit, 0.2)
    assert (near["top u"][3], near["top v"][3]) == tile_origin("tartan")
    assert near["top weave"][:2] == tile_origin("denim")
    assert near["top u"][0] == 1 / 0.2
    assert near["top weave"][3] > 0.5
    assert far["top weave"][3] == far["top relief"][0] == far["top relief"][1] == 0.0
    assert near["top relief"][3] == -far["top relief"][3] > 0
    assert skin_properties(outfit, 0.05)["blood"][3] == 0.0
    assert skin_properties(outfit)["tone"][3] == 0.4
    assert skin_properties(replace(outfit, skin_detail=False))["tone"][3] == 0.0
    assert "outer weave" not in near


def test_all_materials_of_a_dressed_mesh_have_valid_links_and_are_made_once(bpy: Any) -> None:
    from blender_addon.stage.person_shader import layer_material
    from blender_addon.wardrobe.dressed import MATERIALS

    for name in MATERIALS:
        material = layer_material(name)
        assert layer_material(name) is material
        assert all(link.is_valid for link in material.node_tree.links)


def test_dressing_in_other_cloth_compiles_nothing(bpy: Any) -> None:
    from blender_addon.stage.images import ImageCache
    from blender_addon.stage.person_shader import apply_outfit

    mesh = bpy.data.meshes.new("dressed")
    obj, images = bpy.data.objects.new("dressed", mesh), ImageCache()
    apply_outfit(obj, Outfit(), images, layered=True)
    before = {m.name: len(m.node_tree.nodes) for m in bpy.data.materials if m.node_tree}
    for seed in range(5):
        outfit = with_skin_detail(with_cloth(sample_outfit(np.random.default_rng(seed))))
        apply_outfit(obj, outfit, images, layered=True, pixel=0.002)
    after = {m.name: len(m.node_tree.nodes) for m in bpy.data.materials if m.node_tree}
    assert before == after
    bpy.data.objects.remove(obj)
    bpy.data.meshes.remove(mesh)


def test_only_slots_that_faces_have_get_a_material(bpy: Any) -> None:
    from blender_addon.stage.images import ImageCache
    from blender_addon.stage.person_shader import apply_outfit
    from blender_addon.wardrobe.dressed import MATERIALS
    from blender_addon.wardrobe.worn_part import PartSurface

    mesh = bpy.data.meshes.new("dressed")
    obj, images = bpy.data.objects.new("dressed", mesh), ImageCache()

    def filled(
        outfit: Outfit, used: set[int] | None, surfaces: tuple[PartSurface, ...]
    ) -> set[int]:
        apply_outfit(obj, outfit, images, layered=True, used=used, surfaces=surfaces)
        return {number for number, slot in enumerate(obj.material_slots) if slot.material}

    layers = set(range(len(MATERIALS)))
    parts = (PartSurface(), PartSurface(kind="metal"))
    beyond = {len(MATERIALS), len(MATERIALS) + 1}
    assert filled(Outfit(), None, parts) == layers | beyond
    assert filled(Outfit(), {0, 3, max(beyond)}, parts) == {0, 3, max(beyond)}
    assert filled(Outfit(), None, ()) == layers  # of the parts before nothing is left
    bpy.data.objects.remove(obj)
    bpy.data.meshes.remove(mesh)
