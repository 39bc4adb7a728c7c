"""The operators of the panel People in pip's bpy: what they do, when they are grey, bad files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.formats import save_model
from blender_addon.bodies.library import default_body
from blender_addon.bodies.rotations import rodrigues
from blender_addon.render.compat import import_bpy


@pytest.fixture(scope="module")
def bpy() -> Iterator[Any]:
    bpy = import_bpy()
    from blender_addon import ui

    bpy.ops.wm.read_factory_settings(use_empty=True)
    ui.register()
    yield bpy
    ui.unregister()


@pytest.fixture
def scene(bpy: Any) -> Any:
    """The scene that Blender shows, empty, with settings as they come."""
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    bpy.data.batch_remove([*bpy.data.objects, *bpy.data.meshes, *bpy.data.armatures])
    scene = bpy.context.scene
    scene.cursor.location = (0, 0, 0)
    scene.pii_synth.body = "default"
    scene.pii_synth.recipe.bodies.models.paths.clear()
    return scene


@pytest.fixture
def people(scene: Any) -> Callable[[], list[Any]]:
    from blender_addon.character.character import characters

    return lambda: characters(scene)


@pytest.fixture
def operators(bpy: Any) -> Any:
    return bpy.ops.pii_synth


@pytest.fixture
def motion_file(tmp_path: Path) -> Path:
    """AMASS, 4 frames of SMPL-H; the left elbow is bent by a tenth more in each."""
    poses = np.zeros((4, 52, 3))
    poses[:, 0] = (np.pi / 2, 0, 0)
    poses[:, 18, 1] = -0.1 * np.arange(1, 5)
    path = tmp_path / "bend.npz"
    np.savez(path, poses=poses.reshape(4, 156), trans=np.full((4, 3), 9.0), mocap_framerate=60.0)
    return path


@pytest.fixture
def body_file(tmp_path: Path) -> Path:
    """The default body under another name: a SMPL file as far as anybody can tell."""
    path = tmp_path / "bodies" / "somebody.npz"
    path.parent.mkdir()
    save_model(default_body(), path)
    return path


def vertices_of(bpy: Any, obj: Any) -> np.ndarray:
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = np.array(evaluated.matrix_world)
    co = np.array([vertex.co for vertex in evaluated.data.vertices])
    return co @ matrix[:3, :3].T + matrix[:3, 3]


def test_a_person_appears_at_the_cursor_active_and_numbered(
    bpy: Any, scene: Any, operators: Any, people: Any
) -> None:
    scene.cursor.location = (1, 2, 0.5)
    assert operators.add_person() == {"FINISHED"}
    (person,) = people()
    assert person.number == 1
    assert tuple(person.armature.location) == (1, 2, 0.5)
    assert bpy.context.view_layer.objects.active == person.armature
    assert bpy.context.selected_objects == [person.armature]


def test_the_next_person_stands_beside_the_first(operators: Any, people: Any) -> None:
    for _ in range(3):
        operators.add_person()
    places = [tuple(person.armature.location) for person in people()]
    np.testing.assert_allclose(places, [(0, 0, 0), (1.8, 0, 0), (3.6, 0, 0)], atol=1e-6)
    assert [person.number for person in people()] == [1, 2, 3]


def test_an_added_person_posed_from_amass_is_the_numpy_body_within_a_millimetre(
    bpy: Any, scene: Any, operators: Any, people: Any, motion_file: Path
) -> None:
    from blender_addon.ui.operators.people import figures_of

    scene.cursor.location = (1, 0, 0)
    operators.add_person()
    assert operators.pose_from_motion(filepath=str(motion_file), frame=2) == {"FINISHED"}
    person = people()[0].person()
    assert person.pose_name == "bend"
    np.testing.assert_allclose(person.body.pose[18], (0, -0.3, 0), atol=1e-6)
    expected = figures_of(bpy.context, "default").pose(person).vertices
    vertices = vertices_of(bpy, people()[0].mesh)
    assert np.abs(vertices - expected).max() < 1e-3
    assert np.abs(vertices - expected).max() < 1e-5
    # The motion's own place, 9 m away, is not taken.
    np.testing.assert_allclose(vertices.mean(axis=0)[:2], (1, 0), atol=0.2)
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3)


def test_operators_work_from_the_mesh_and_from_pose_mode(
    bpy: Any, operators: Any, people: Any, motion_file: Path
) -> None:
    operators.add_person()
    bpy.context.view_layer.objects.active = people()[0].mesh
    assert operators.pose_from_motion(filepath=str(motion_file)) == {"FINISHED"}
    bpy.context.view_layer.objects.active = people()[0].armature
    bpy.ops.object.mode_set(mode="POSE")
    assert operators.reset_pose() == {"FINISHED"}
    assert people()[0].armature.mode == "POSE"
    pose = np.array(people()[0].person().body.pose)
    np.testing.assert_allclose(pose[1:], 0.0, atol=1e-6)
    assert people()[0].person().pose_name == "t-pose"


def test_resetting_keeps_place_and_heading(bpy: Any, operators: Any, people: Any) -> None:
    operators.add_person()
    armature = people()[0].armature
    armature.location, armature.rotation_euler = (1, 2, 0), (0, 0, 1.0)
    armature.pose.bones["left_knee"].rotation_quaternion = (0.8, 0.6, 0, 0)
    before = people()[0].body()
    operators.reset_pose()
    after = people()[0].body()
    np.testing.assert_allclose(
        rodrigues(after.pose[0])[:, 2], rodrigues(before.pose[0])[:, 2], atol=1e-5
    )
    np.testing.assert_allclose(after.translation[:2], before.translation[:2], atol=1e-4)


def test_fit_skeleton_is_offered_when_a_slider_moved(bpy: Any, operators: Any, people: Any) -> None:
    operators.add_person()
    assert not operators.fit_skeleton.poll()
    people()[0].shape_keys()[1].value = 1.5
    assert operators.fit_skeleton.poll()
    assert operators.fit_skeleton() == {"FINISHED"}
    assert not operators.fit_skeleton.poll()
    assert people()[0].person().body.betas == (0.0, 1.5)


def test_removing_needs_an_active_person(bpy: Any, operators: Any, people: Any) -> None:
    operators.add_person()
    assert operators.remove_person() == {"FINISHED"}
    assert people() == []
    for name in ("remove_person", "reset_pose", "pose_from_motion", "fit_skeleton"):
        operator = getattr(operators, name)
        assert not operator.poll()
        with pytest.raises(RuntimeError, match="No person is active: click one"):
            operator()


def test_loading_a_body_adds_a_person_and_extends_the_recipe(
    scene: Any, operators: Any, people: Any, body_file: Path
) -> None:
    from blender_addon.ui.properties.recipe_settings import to_recipe

    assert operators.load_body(filepath=str(body_file)) == {"FINISHED"}
    assert [person.model_name for person in people()] == [str(body_file)]
    assert scene.pii_synth.body == str(body_file)
    assert to_recipe(scene.pii_synth.recipe).bodies.models == ("default", str(body_file))
    operators.load_body(filepath=str(body_file))
    assert to_recipe(scene.pii_synth.recipe).bodies.models == ("default", str(body_file))
    operators.add_person()
    assert [person.model_name for person in people()] == [str(body_file)] * 3


def test_dropped_files_are_recognised_by_content(
    operators: Any, people: Any, body_file: Path, motion_file: Path
) -> None:
    assert operators.open_file(filepath=str(body_file)) == {"FINISHED"}
    assert len(people()) == 1
    assert operators.open_file(filepath=str(motion_file)) == {"FINISHED"}
    assert len(people()) == 1
    assert people()[0].person().pose_name == "bend"


def test_a_motion_dropped_without_an_active_person_says_what_to_do(
    operators: Any, scene: Any, motion_file: Path
) -> None:
    with pytest.raises(
        RuntimeError, match=r"bend\.npz is a motion file: select the person to pose, then open it"
    ):
        operators.open_file(filepath=str(motion_file))


HOSTILE = b"cposix\nsystem\n(S'true'\ntR."  # runs a command when Python unpickles it


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npz", None, "none.npz"),
        ("broken.npz", b"PK\x03\x04 no archive", "not a whole .npz file"),
        ("hostile.pkl", HOSTILE, "posix"),
        ("text.txt", b"hello", "a body model is a .npz or a .pkl file"),
    ],
)
@pytest.mark.parametrize("operator", ["load_body", "open_file"])
def test_files_that_are_no_body_are_rejected_by_name(
    operator: str,
    name: str,
    content: bytes | None,
    message: str,
    operators: Any,
    people: Any,
    scene: Any,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=message) as error:
        getattr(operators, operator)(filepath=str(path))
    assert name in str(error.value)
    assert "Traceback" not in str(error.value)
    assert people() == []
    assert scene.pii_synth.body == "default"
    assert not scene.pii_synth.recipe.bodies.models.paths


def test_an_archive_of_something_else_is_rejected(
    operators: Any, scene: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "else.npz", x=np.zeros(3))
    with pytest.raises(RuntimeError, match=r"else\.npz: neither a body model nor a motion"):
        operators.open_file(filepath=str(tmp_path / "else.npz"))


def test_motions_that_cannot_be_used(
    operators: Any, people: Any, scene: Any, motion_file: Path, tmp_path: Path
) -> None:
    operators.add_person()
    before = people()[0].person()
    np.savez(
        tmp_path / "dog.npz", poses=np.zeros((2, 99)), trans=np.zeros((2, 3)), mocap_framerate=60.0
    )
    for arguments, message in (
        ({"filepath": str(motion_file), "frame": 4}, "frame 4 of 4, they count from 0"),
        ({"filepath": str(motion_file), "motion": 1}, "motion 1 of 1, they count from 0"),
        ({"filepath": str(tmp_path / "dog.npz")}, "33 joints"),
        ({"filepath": str(tmp_path / "none.npz")}, "none.npz"),
        ({}, "no file was chosen"),
    ):
        with pytest.raises(RuntimeError, match=message):
            operators.pose_from_motion(**arguments)
    assert people()[0].person() == before


def test_a_deleted_body_file_is_named(
    operators: Any, people: Any, scene: Any, body_file: Path
) -> None:
    operators.load_body(filepath=str(body_file))
    body_file.unlink()
    people()[0].shape_keys()[0].value = 1.0
    with pytest.raises(RuntimeError, match=r"somebody\.npz"):
        operators.fit_skeleton()


def test_the_menu_lists_the_folder_the_recipe_and_the_scene(
    bpy: Any,
    scene: Any,
    operators: Any,
    body_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from blender_addon.ui.panels import people as people_panel

    assert people_panel.known_bodies(bpy.context) == ["default"]
    (body_file.parent / "notes.txt").write_text("x")
    monkeypatch.setattr(people_panel, "folder", lambda context, kind: body_file.parent)
    assert people_panel.known_bodies(bpy.context) == ["default", str(body_file)]
    monkeypatch.setattr(people_panel, "folder", lambda context, kind: tmp_path / "none")
    assert people_panel.known_bodies(bpy.context) == ["default"], (
        "a folder that is not there lists nothing"
    )
    scene.pii_synth.recipe.bodies.models.paths.add().path = "/bodies/other.pkl"
    assert people_panel.known_bodies(bpy.context) == ["default", "/bodies/other.pkl"]
    assert operators.choose_body(body="/bodies/other.pkl") == {"FINISHED"}
    assert scene.pii_synth.body == "/bodies/other.pkl"


def test_undo_takes_back_each_step(
    bpy: Any, operators: Any, people: Any, motion_file: Path
) -> None:
    bpy.ops.ed.undo_push(message="empty")
    operators.add_person()
    bpy.ops.ed.undo_push(message="added")
    added = people()[0].person()
    operators.pose_from_motion(filepath=str(motion_file), frame=3)
    bpy.ops.ed.undo_push(message="posed")
    people()[0].shape_keys()[0].value = 2.0
    operators.fit_skeleton()
    bpy.ops.ed.undo_push(message="fitted")
    bpy.ops.ed.undo()
    assert not characters_need_fit(bpy)
    assert now(bpy)[0].person().pose_name == "bend"
    assert now(bpy)[0].person().body.betas == ()
    bpy.ops.ed.undo()
    assert now(bpy)[0].person() == added
    bpy.ops.ed.undo()
    assert now(bpy) == []
    bpy.ops.ed.redo()
    assert now(bpy)[0].person() == added


def now(bpy: Any) -> list[Any]:
    from blender_addon.character.character import characters

    return characters(bpy.context.scene)


def characters_need_fit(bpy: Any) -> bool:
    return any(person.needs_fit() for person in now(bpy))


def test_dropped_bodies_and_motions_are_opened() -> None:
    from blender_addon.ui.operators import people as people_operators

    handler = people_operators.PII_SYNTH_FH_people
    assert (handler.bl_import_operator, handler.bl_file_extensions) == (
        "pii_synth.open_file",
        ".npz;.pkl",
    )
