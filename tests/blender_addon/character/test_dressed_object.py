"""Characters in clothes of geometry, in pip's bpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.rotations import matrix_to_axis_angle
from blender_addon.scene.body_poser import BodyPoser
from blender_addon.scene.people import MODEL_TO_WORLD
from blender_addon.scene.spec import BodySpec, PersonSpec
from blender_addon.wardrobe.hair_styles import with_mesh_hair
from blender_addon.wardrobe.outfit import Garment, Item, Outfit

Vertices = Callable[[Any], np.ndarray]
SKIRT = (Garment("t-shirt", hem=0.1, sleeve=0.3), Garment("skirt", hem=-0.9, waist=0.2))
TROUSERS = (Garment("t-shirt", hem=0.1, sleeve=0.3), Garment("jeans", hem=-2.0, waist=0.15))


@pytest.fixture
def character(scene: Any, figures: BodyPoser) -> Any:
    from blender_addon.character.character import Character

    return Character.add(scene, figures.bodies["default"], "default", figures)


@pytest.fixture
def apply(figures: BodyPoser) -> Callable[[Any, PersonSpec], None]:
    from blender_addon.stage.images import ImageCache

    return lambda character, person: character.apply(person, figures, ImageCache())


def person(
    figures: BodyPoser,
    garments: tuple[Garment, ...] = TROUSERS,
    style: str = "mesh",
    **turned: tuple[float, float, float],
) -> PersonSpec:
    """A person in T-pose, with some joints turned."""
    model = figures.bodies["default"]
    pose = np.zeros((model.num_joints, 3))
    pose[0] = matrix_to_axis_angle(MODEL_TO_WORLD)
    for joint, turn in turned.items():
        pose[model.joint_names.index(joint)] = turn
    outfit = Outfit(garments=garments, style=style, items=(Item("glasses", variant=0.3),))
    outfit = with_mesh_hair(np.random.default_rng(1), outfit, 30.0, 0.0)
    body = BodySpec("default", (0.7, -1.0, 0.4), tuple(map(tuple, pose.tolist())), (0.0, 0.0, 1.0))
    return PersonSpec(1, body, outfit, "by hand")


def clothes_of(character: Any) -> Any:
    from blender_addon.character.dressed_object import dressed_of

    return dressed_of(character.armature)


def test_at_rest_the_character_is_the_dressed_person(
    character: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    spec = person(figures)
    apply(character, spec)
    expected = figures.dressed(spec)
    obj = clothes_of(character)
    assert len(obj.data.polygons) == len(expected.faces)
    np.testing.assert_allclose(world_vertices(obj), expected.vertices, atol=1e-4)
    assert character.person() == spec


def test_posed_clothes_follow_the_limbs(
    character: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    spec = person(figures, left_shoulder=(0.0, 0.0, -1.0), right_knee=(1.0, 0.0, 0.0))
    apply(character, spec)
    away = world_vertices(clothes_of(character)) - figures.dressed(spec).vertices
    distance = np.linalg.norm(away, axis=1)
    assert np.median(distance) < 0.004
    assert np.percentile(distance, 95) < 0.03


def test_a_skirt_follows_both_thighs(
    character: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    still, stride = person(figures, SKIRT), person(figures, SKIRT, left_hip=(-0.7, 0.0, 0.0))
    apply(character, still)
    before = world_vertices(clothes_of(character))
    apply(character, stride)
    moved = np.linalg.norm(world_vertices(clothes_of(character)) - before, axis=1)
    cloth = figures.dressed(still).material[:, None] == 2  # the bottom
    faces = figures.dressed(still).faces[cloth[:, 0]]
    assert 0.05 < moved[faces].max() < 0.6
    edges = np.linalg.norm(np.diff(world_vertices(clothes_of(character))[faces], axis=1), axis=-1)
    assert edges.max() < 0.25, "the skirt is not torn between the legs"


def test_sliders_move_the_clothes_with_the_body(
    character: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    import bpy

    apply(character, person(figures))
    before = world_vertices(clothes_of(character))
    keys = character.shape_keys()
    keys[0].value += 1.0
    bpy.context.view_layer.update()
    after = world_vertices(clothes_of(character))
    body = figures.bodies["default"].shapedirs[:, :, 0]
    assert np.linalg.norm(after - before, axis=1).max() == pytest.approx(
        np.linalg.norm(body, axis=1).max(), rel=0.2
    )
    assert character.needs_fit()
    character.fit(figures)
    fitted = figures.dressed(character.person()).vertices
    np.testing.assert_allclose(world_vertices(clothes_of(character)), fitted, atol=1e-4)


def test_the_body_is_seen_by_no_ray_while_it_is_dressed(
    character: Any, apply: Any, figures: BodyPoser
) -> None:
    apply(character, person(figures))
    assert not character.mesh.visible_camera and not character.mesh.visible_shadow
    assert not character.mesh.hide_render  # that is the artist's switch
    names = [slot.material.name for slot in clothes_of(character).material_slots]
    assert len(names) > 8 and all(names)
    apply(character, person(figures, style="painted"))
    assert clothes_of(character) is None
    assert character.mesh.visible_camera and character.mesh.visible_shadow


def test_clothes_are_made_anew_only_when_shape_or_outfit_change(
    character: Any, apply: Any, figures: BodyPoser
) -> None:
    import bpy

    apply(character, person(figures))
    first = clothes_of(character).data.name
    apply(character, person(figures, left_elbow=(0.0, 1.0, 0.0)))
    assert clothes_of(character).data.name == first
    count = len(bpy.data.meshes)
    apply(character, person(figures, SKIRT))
    assert len(bpy.data.meshes) == count
    assert len([c for c in character.armature.children if c.type == "MESH"]) == 2


def test_removing_a_person_removes_its_clothes(
    character: Any, apply: Any, figures: BodyPoser
) -> None:
    import bpy

    apply(character, person(figures))
    clothes = clothes_of(character).name
    character.remove()
    assert clothes not in bpy.data.objects


def test_a_spec_with_an_unreadable_image_is_refused(
    character: Any, apply: Any, figures: BodyPoser
) -> None:
    spec = person(figures)
    outfit = dataclasses.replace(spec.outfit, skin_image="/nowhere/skin.png")
    with pytest.raises(FileNotFoundError, match="skin"):
        apply(character, dataclasses.replace(spec, outfit=outfit))
