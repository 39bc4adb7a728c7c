"""Characters in pip's bpy: Blender shows what the numpy body computes, and edits are read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.joints import FAMILIES, fit_pose
from blender_addon.bodies.motion import load_motions
from blender_addon.bodies.rotations import rodrigues
from blender_addon.scene.body_poser import BodyPoser
from blender_addon.scene.spec import BodySpec, MotionSpec, PersonSpec
from blender_addon.wardrobe.outfit import plain_outfit
from blender_addon.wardrobe.sampling import sample_outfit

MODELS = ("default", *FAMILIES)
CLOSE = 1e-5  # m; the promise is 1e-3
Vertices = Callable[[Any], np.ndarray]


@pytest.fixture
def add(scene: Any, figures: BodyPoser) -> Callable[..., Any]:
    from blender_addon.character.character import Character

    def add(name: str = "default", **options: Any) -> Any:
        return Character.add(scene, figures.bodies[name], name, figures, **options)

    return add


@pytest.fixture
def apply(figures: BodyPoser) -> Callable[[Any, PersonSpec], None]:
    from blender_addon.stage.images import ImageCache

    return lambda character, person: character.apply(person, figures, ImageCache())


def drawn(name: str, figures: BodyPoser, seed: int = 0, number: int = 1) -> PersonSpec:
    """A person of random shape, clothes, pose and place."""
    rng = np.random.default_rng(seed)
    model = figures.bodies[name]
    pose = rng.normal(0, 0.5, (model.num_joints, 3))
    pose[0] = rng.normal(0, 1.5, 3)
    betas = tuple(rng.normal(0, 1.5, min(8, model.num_betas)).tolist())
    body = BodySpec(
        name, betas, tuple(map(tuple, pose.tolist())), tuple(rng.normal(0, 2, 3).tolist())
    )
    return PersonSpec(
        number, body, sample_outfit(rng), "drawn", MotionSpec(body.pose, (0.1, 0.0, 0.0), 0.05)
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_new_person_stands_on_the_ground_as_the_body_model_says(
    name: str, add: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    character = add(name)
    person = character.person()
    vertices = world_vertices(character.mesh)
    np.testing.assert_allclose(vertices, figures.pose(person).vertices, atol=CLOSE)
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3)
    assert (person.id, person.body.model, person.pose_name) == (1, name, "t-pose")
    assert person.outfit == plain_outfit()
    front = rodrigues(person.body.pose[0])[:, 2]
    np.testing.assert_allclose(front, (0, -1, 0), atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_blender_shows_what_the_body_model_computes(
    name: str, add: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    character = add(name)
    for seed in range(2):
        person = drawn(name, figures, seed)
        apply(character, person)
        expected = figures.pose(person).vertices
        np.testing.assert_allclose(world_vertices(character.mesh), expected, atol=CLOSE)
        assert character.person() == person
        body = character.body()
        np.testing.assert_allclose(rodrigues(body.pose), rodrigues(person.body.pose), atol=5e-5)
        np.testing.assert_allclose(body.translation, person.body.translation, atol=1e-6)
        assert body.betas == person.body.betas


@pytest.mark.parametrize("name", MODELS)
def test_an_amass_pose_is_within_a_millimetre(
    name: str, add: Any, figures: BodyPoser, world_vertices: Vertices, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    poses = rng.normal(0, 0.4, (3, 156))
    poses[:, :3] = (1.4, 0.2, -0.1)  # about X: upright in a Z-up world
    arrays = {"poses": poses, "trans": rng.normal(0, 1, (3, 3)), "betas": rng.normal(0, 1, 16)}
    np.savez(tmp_path / "walk.npz", **arrays, mocap_framerate=120.0, gender="male")
    motion = load_motions(tmp_path / "walk.npz")[0].z_up()
    model = figures.bodies[name]
    pose = fit_pose(motion.poses[1], model.family, model.hands_mean)

    character = add(name)
    character.take_pose(pose, motion.name, figures)
    vertices = world_vertices(character.mesh)
    person = character.person()
    assert person.pose_name == "walk"
    np.testing.assert_allclose(rodrigues(person.body.pose[1:]), rodrigues(pose[1:]), atol=1e-5)
    clothes = figures.clothes(person.body, person.outfit)
    direct = model.pose((), np.array(person.body.pose), person.body.translation, clothes).vertices
    np.testing.assert_allclose(vertices, direct, atol=CLOSE)
    # It stays where it stood, looks where it looked and its feet are on the ground.
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3)
    front = rodrigues(person.body.pose[0])[:, 2]
    np.testing.assert_allclose(front[:2] / np.linalg.norm(front[:2]), (0, -1), atol=1e-6)
    np.testing.assert_allclose(figures.pose(person).joints[0][:2], (0.0, 0.0), atol=0.05)


def test_correctives_are_driven_without_python(add: Any, figures: BodyPoser, bpy: Any) -> None:
    character = add("smpl")
    drivers = character.mesh.data.shape_keys.animation_data.drivers
    assert len(drivers) == 9 * 23
    for curve in drivers:
        assert curve.driver.is_valid
        assert curve.driver.is_simple_expression, "Blender would ask the user to trust this file"
        assert len(curve.driver.expression) < 256
    plain = add("smpl", correctives=False)
    assert plain.mesh.data.shape_keys.animation_data is None


def test_correctives_that_move_nothing_have_no_key(
    scene: Any, figures: BodyPoser, small_body: Any
) -> None:
    from blender_addon.character.character import Character

    posedirs = small_body("smpl").posedirs.copy()
    posedirs[:, :, 9:] = 0.0
    model = dataclasses.replace(small_body("smpl"), posedirs=posedirs)
    character = Character.add(scene, model, "m", BodyPoser({"m": model}))
    assert len(character.mesh.data.shape_keys.animation_data.drivers) == 9
    keys = character.mesh.data.shape_keys.key_blocks.keys()
    assert [key for key in keys if key.startswith("pose")] == [
        f"pose left_hip {i}{j}" for i in range(3) for j in range(3)
    ]


def test_the_body_has_groups_uvs_parts_and_a_chart(add: Any, figures: BodyPoser) -> None:
    character, model = add("default"), figures.bodies["default"]
    obj, mesh = character.mesh, character.mesh.data
    groups = [group.name for group in obj.vertex_groups]
    assert groups[:24] == list(model.joint_names)
    assert groups[24:] == [f"part {name}" for name in model.joint_names]
    weights = np.zeros((model.num_vertices, 48), dtype=np.float32)
    for vertex in mesh.vertices:
        for element in vertex.groups:
            weights[vertex.index, element.group] = element.weight
    np.testing.assert_allclose(weights[:, :24], model.weights, atol=1e-7)
    assert (weights[:, 24:].argmax(axis=1) == model.part_labels).all()
    assert (weights[:, 24:].sum(axis=1) == 1).all()
    assert mesh.uv_layers["UVMap"].active_render
    assert {"part", "PII cover", "PII cloth"} <= set(mesh.attributes.keys())
    assert obj.material_slots[0].material.name == "PII Person"
    assert obj["PII skin"][3] == plain_outfit().seed
    modifier = obj.modifiers["Armature"]
    assert not modifier.use_deform_preserve_volume


def test_bones_are_named_and_mirror(add: Any, bpy: Any, figures: BodyPoser) -> None:
    character = add("smplx")
    bones = character.armature.data.bones
    assert set(bones.keys()) == set(FAMILIES["smplx"])
    assert bpy.utils.flip_name("left_index1") == "right_index1"
    assert {c.name: len(c.bones) for c in character.armature.data.collections} == {
        "Body": 22,
        "Hands": 30,
        "Face": 3,
    }
    locked = [bone.name for bone in character.armature.pose.bones if all(bone.lock_location)]
    assert set(locked) == set(FAMILIES["smplx"]) - {"pelvis"}


def test_manual_edits_are_read_back(
    add: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    from mathutils import Euler, Matrix

    character = add("smpl")
    apply(character, drawn("smpl", figures))
    armature = character.armature
    armature.pose.bones["left_elbow"].rotation_quaternion = Euler((0.3, 0.1, -0.8)).to_quaternion()
    bone = armature.pose.bones["right_knee"]
    bone.rotation_mode, bone.rotation_euler = "XYZ", (1.0, 0.2, 0.1)
    armature.pose.bones["pelvis"].location = (0.1, 0.2, -0.3)
    armature.matrix_world = (
        Matrix.Translation((1, 2, 0.5)) @ Euler((0.1, 0.2, 2.0)).to_matrix().to_4x4()
    )
    person = character.person()
    assert (person.pose_name, person.motion) == ("by hand", None)
    np.testing.assert_allclose(
        figures.pose(person).vertices, world_vertices(character.mesh), atol=CLOSE
    )


def test_a_person_that_is_only_moved_keeps_its_pose_and_its_motion(
    add: Any, apply: Any, figures: BodyPoser
) -> None:
    character = add("smpl")
    before = drawn("smpl", figures)
    apply(character, before)
    character.armature.location.x += 1.0
    after = character.person()
    assert (after.pose_name, after.body.pose) == (before.pose_name, before.body.pose)
    shift = np.subtract(after.body.translation, before.body.translation)
    np.testing.assert_allclose(shift, (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(
        np.subtract(after.motion.translation, before.motion.translation), shift, atol=1e-9
    )


def test_constraints_count(
    add: Any, figures: BodyPoser, bpy: Any, world_vertices: Vertices
) -> None:
    character = add("smpl")
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (0.5, -0.6, 1.2)
    constraint = character.armature.pose.bones["left_wrist"].constraints.new("IK")
    constraint.target, constraint.chain_count = target, 3
    person = character.person()
    assert np.abs(person.body.pose[16]).max() > 0.1, "the shoulder was not turned"
    np.testing.assert_allclose(
        figures.pose(person).vertices, world_vertices(character.mesh), atol=CLOSE
    )


def test_a_person_out_of_sight_is_read_by_its_bones(
    add: Any, apply: Any, figures: BodyPoser, bpy: Any
) -> None:
    character = add("smpl")
    for obj in (character.armature, character.mesh):
        obj.hide_set(True)
    person = drawn("smpl", figures, 3)
    apply(character, person)
    body = character.body()
    np.testing.assert_allclose(rodrigues(body.pose), rodrigues(person.body.pose), atol=5e-5)
    np.testing.assert_allclose(body.translation, person.body.translation, atol=1e-5)


def test_a_scaled_person_is_no_body(add: Any) -> None:
    character = add("smpl")
    character.armature.scale = (1.2, 1.2, 1.2)
    with pytest.raises(ValueError, match="Person 1: the object or the bone pelvis is scaled"):
        character.body()


def test_sliders_ask_for_a_fit_and_fitting_keeps_the_feet_on_the_ground(
    add: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    character = add("default")
    assert not character.needs_fit()
    key = character.mesh.data.shape_keys.key_blocks["beta 00"]
    assert (key.slider_min, key.slider_max) == (-5, 5)
    key.value = 2.0
    assert character.needs_fit()
    axes = np.array(character.armature.data.bones["left_knee"].matrix_local)[:3, :3]
    character.fit(figures)
    assert not character.needs_fit()
    person = character.person()
    assert person.body.betas == (2.0,)
    vertices = world_vertices(character.mesh)
    np.testing.assert_allclose(vertices, figures.pose(person).vertices, atol=CLOSE)
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3)
    head = np.array(character.armature.data.bones["left_knee"].matrix_local)
    np.testing.assert_allclose(head[:3, :3], axes, atol=1e-5)
    assert np.abs(head[:3, 3]).max() > 0


def test_fitting_keeps_mode_and_selection(add: Any, figures: BodyPoser, bpy: Any) -> None:
    character, other = add("smpl"), add("smpl")
    layer = bpy.context.view_layer
    for obj in layer.objects:
        obj.select_set(obj in (character.armature, other.armature))
    layer.objects.active = character.armature
    bpy.ops.object.mode_set(mode="POSE")
    character.mesh.data.shape_keys.key_blocks["beta 01"].value = 1.0
    before = set(bpy.data.objects.keys())
    character.fit(figures)
    assert layer.objects.active == character.armature
    assert character.armature.mode == "POSE"
    assert {obj for obj in layer.objects if obj.select_get()} == {
        character.armature,
        other.armature,
    }
    assert set(bpy.data.objects.keys()) == before


def test_a_shape_beyond_the_sliders_widens_them_and_one_beyond_blender_is_rejected(
    add: Any, apply: Any, figures: BodyPoser, world_vertices: Vertices
) -> None:
    character = add("smpl")
    person = drawn("smpl", figures)
    wide = dataclasses.replace(person, body=dataclasses.replace(person.body, betas=(7.0, -6.0)))
    apply(character, wide)
    np.testing.assert_allclose(
        world_vertices(character.mesh), figures.pose(wide).vertices, atol=CLOSE
    )
    assert character.person() == wide
    with pytest.raises(ValueError, match=r"expected betas within ±10, .* got 0\.\.11"):
        apply(
            character, dataclasses.replace(wide, body=dataclasses.replace(wide.body, betas=(11.0,)))
        )
    assert character.person() == wide, "a refused shape changes nothing"


def test_another_body_model_is_rejected(add: Any, apply: Any, figures: BodyPoser) -> None:
    character = add("smpl")
    with pytest.raises(ValueError, match=r"expected a body of smpl for .*, got one of smplx"):
        apply(character, drawn("smplx", figures))


def test_numbers_are_the_lowest_free_and_duplicates_get_their_own(
    add: Any, scene: Any, figures: BodyPoser, bpy: Any
) -> None:
    from blender_addon.character.character import characters, renumber

    people = [add("smpl", correctives=False) for _ in range(3)]
    assert [p.number for p in characters(scene)] == [1, 2, 3]
    people[1].remove()
    assert [p.number for p in characters(scene)] == [1, 3]
    assert add("smpl", correctives=False).number == 2
    copy = people[0].armature.copy()
    scene.collection.objects.link(copy)
    assert [p.number for p in characters(scene)] == [1, 1, 2, 3]
    assert sorted(p.number for p in renumber(scene)) == [1, 2, 3, 4]
    assert people[0].number == 1


def test_character_of_finds_the_person_of_any_part(add: Any, bpy: Any, scene: Any) -> None:
    from blender_addon.character.character import character_of

    character = add("smpl", correctives=False)
    hat, stranger = (bpy.data.objects.new(name, None) for name in ("hat", "stranger"))
    for obj in (hat, stranger):
        scene.collection.objects.link(obj)
    hat.parent = character.mesh
    for obj in (character.armature, character.mesh, hat):
        assert character_of(obj) == character
    assert character_of(stranger) is None
    assert character_of(None) is None


def test_removing_leaves_nothing_but_what_was_parented(add: Any, bpy: Any, scene: Any) -> None:
    character = add("smpl")
    hat = bpy.data.objects.new("hat", None)
    scene.collection.objects.link(hat)
    hat.parent = character.armature
    character.armature.location = (1, 2, 3)
    bpy.context.view_layer.update()
    character.remove()
    assert bpy.data.objects.keys() == ["hat"]
    assert tuple(hat.matrix_world.translation) == pytest.approx((1, 2, 3))
    assert not bpy.data.armatures
    assert not bpy.data.meshes
    assert not bpy.data.shape_keys


def test_a_deleted_body_is_an_error(add: Any, bpy: Any) -> None:
    character = add("smpl", correctives=False)
    bpy.data.objects.remove(character.mesh)
    with pytest.raises(ValueError, match="Person 1 has no body any more"):
        _ = character.mesh


def test_a_person_survives_saving_and_loading(
    add: Any, apply: Any, figures: BodyPoser, bpy: Any, tmp_path: Path, world_vertices: Vertices
) -> None:
    from blender_addon.character.character import characters

    person = drawn("smplx", figures)
    apply(add("smplx"), person)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    (character,) = characters(bpy.context.scene)
    assert character.person() == person
    np.testing.assert_allclose(
        world_vertices(character.mesh), figures.pose(person).vertices, atol=CLOSE
    )
    json.loads(character.armature["pii_synth spec"])


def test_a_person_in_a_scene_that_is_not_shown(
    bpy: Any, scene: Any, figures: BodyPoser, add: Any, apply: Any
) -> None:
    from blender_addon.character.character import Character, characters

    other = bpy.data.scenes.new("other")
    character = Character.add(other, figures.bodies["smpl"], "smpl", figures)
    person = drawn("smpl", figures)
    apply(character, person)
    assert [p.armature for p in characters(other)] == [character.armature]
    assert characters(scene) == []
    assert bpy.context.scene == scene
    body = character.body()
    np.testing.assert_allclose(rodrigues(body.pose), rodrigues(person.body.pose), atol=5e-5)


def test_a_pose_pasted_flipped_is_the_mirrored_pose(
    add: Any, figures: BodyPoser, bpy: Any, world_vertices: Vertices
) -> None:
    character = add("default")
    left = {"left_elbow": (0.8, 0.1, 0.2, -0.5), "left_hip": (0.9, -0.4, 0.1, 0.2)}
    for name, quaternion in left.items():
        character.armature.pose.bones[name].rotation_quaternion = quaternion
    before = character.body()
    bpy.context.view_layer.objects.active = character.armature
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.pose.copy()
    bpy.ops.pose.paste(flipped=True)
    after = character.body()
    names = character.joint_names
    mirror = np.diag([-1.0, 1.0, 1.0])
    for name in left:
        other = bpy.utils.flip_name(name)
        mirrored = mirror @ rodrigues(before.pose[names.index(name)]) @ mirror
        np.testing.assert_allclose(rodrigues(after.pose[names.index(other)]), mirrored, atol=2e-3)
        assert np.abs(after.pose[names.index(name)]).max() < 2e-3
