"""The artist's scene: drawn, redrawn, previewed, added to and undone, with a real pointer."""

from __future__ import annotations

import pytest

from tests.gui.window import BlenderError, Window, wait_for

PERSONS = "sorted(o.name for o in window.scene.objects if o.type == 'ARMATURE')"
ARMATURES = "[o for o in window.scene.objects if o.type == 'ARMATURE']"
POSES = f"[[list(b.rotation_quaternion) for b in o.pose.bones] for o in {ARMATURES}]"
CAMERA = "[list(row) for row in window.scene.camera.matrix_world]"
EDITORS = "[a.spaces.active for a in window.screen.areas if a.type == 'IMAGE_EDITOR']"
PICTURES = f"[list(editor.image.size) for editor in {EDITORS} if editor.image]"
OUTDOORS = 17  # a draw of the everyday preset under an open sky


def test_draw_scene_puts_people_there_and_ctrl_z_takes_them_away(open_tab, shoot):
    window = without_the_cube(open_tab("PII_SYNTH_PT_recipe", "PII_SYNTH_PT_sample"))
    window.fill_in("pii_synth.index", str(OUTDOORS))
    window.click("pii_synth.draw_scene()")
    drawn = window.wait(PERSONS)
    assert window.get("window.scene.camera.name") != "Camera"
    over_the_view(window)
    window.screen.key("ctrl+z")
    wait_for("the empty scene", lambda: window.get(PERSONS) == [])
    assert window.get("window.scene.camera.name") == "Camera"
    window.screen.key("ctrl+shift+z")
    wait_for("the people again", lambda: window.get(PERSONS) == drawn)
    # As an artist looks at it: Cycles in the viewport.
    window.run(
        "window.scene.render.engine = 'CYCLES'\n"
        "window.scene.cycles.preview_samples = 12\n"
        "view = next(a for a in window.screen.areas if a.type == 'VIEW_3D').spaces.active\n"
        "view.overlay.show_bones = view.overlay.show_extras = view.overlay.show_cursor = False\n"
        "view.region_3d.view_camera_offset = (0.12, 0)\n"  # out from under the sidebar
        "view.shading.type = 'RENDERED'"
    )
    window.rest(still=20)  # a sample takes long on a busy machine
    shoot("scene")


def test_each_arrow_redraws_its_factor_alone(open_tab, shoot):
    window = without_the_cube(open_tab("PII_SYNTH_PT_sample"))
    window.click("pii_synth.draw_scene()")
    window.wait(PERSONS)
    poses, camera = window.get(POSES), window.get(CAMERA)
    window.click("pii_synth.redraw(factor='pose', advance=True)")
    wait_for("another pose", lambda: window.get(POSES) != poses)
    assert window.get(CAMERA) == camera
    assert window.get("window.scene.pii_synth.pose_index") == 1
    poses = window.get(POSES)
    window.click("pii_synth.redraw(factor='camera', advance=True)")
    wait_for("another camera", lambda: window.get(CAMERA) != camera)
    assert window.get(POSES) == poses
    shoot("scene_redrawn")


def test_preview_shows_image_and_mask_side_by_side(open_tab, shoot):
    window = without_the_cube(open_tab("PII_SYNTH_PT_sample", "PII_SYNTH_PT_preview"))
    window.run(
        "settings = window.scene.pii_synth\n"
        "render = settings.recipe.render\n"
        "render.width, render.height, render.samples = 256, 256, 32\n"
        "settings.index = index",
        index=OUTDOORS,
    )
    window.click("pii_synth.draw_scene()")
    window.wait(PERSONS)
    window.click("pii_synth.preview")
    assert window.get(PICTURES) == []  # not there yet: the window does not wait for the render
    ((width, height),) = window.wait(PICTURES, seconds=90)
    assert height == 256
    assert 2 * 256 < width < 2 * 256 + 20
    window.picture()
    shoot("preview")


def test_preview_without_a_camera_says_what_to_do(open_tab, shoot):
    window = open_tab("PII_SYNTH_PT_preview")
    window.run("window.scene.camera = None")
    window.wait_for_tooltip("pii_synth.preview")
    shoot("preview_greyed_out")
    window.click("pii_synth.preview")
    with pytest.raises(BlenderError, match="draw a scene first"):
        window.run("bpy.ops.pii_synth.preview()")
    assert window.get(PICTURES) == []


def test_add_person_adds_one_that_can_be_undone(open_tab, shoot):
    window = without_the_cube(
        open_tab("PII_SYNTH_PT_people", "PII_SYNTH_PT_person", "PII_SYNTH_PT_shape")
    )
    window.click("pii_synth.add_person")
    (person,) = window.wait(PERSONS)
    assert window.get("bpy.context.view_layer.objects.active.name") == person
    window.click("pii_synth.add_person")
    wait_for("the second one", lambda: len(window.get(PERSONS)) == 2)
    window.run(
        "area = next(a for a in window.screen.areas if a.type == 'VIEW_3D')\n"
        "region = next(r for r in area.regions if r.type == 'WINDOW')\n"
        "with bpy.context.temp_override(area=area, region=region): bpy.ops.view3d.view_selected()"
    )
    window.picture()
    shoot("people")
    over_the_view(window)
    window.screen.key("ctrl+z", "ctrl+z")
    wait_for("nobody", lambda: window.get(PERSONS) == [])


def without_the_cube(window: Window) -> Window:
    """Delete the default cube, as artists do first; camera and lamp stay."""
    window.run(
        "bpy.data.objects.remove(bpy.data.objects['Cube'])\nbpy.ops.ed.undo_push(message='Delete')"
    )
    return window


def over_the_view(window: Window) -> None:
    """Move the pointer over the 3D View: Blender sends keys to the area below the pointer."""
    window.screen.move(window.screen.size[0] // 3, window.screen.size[1] // 2)
    window.settle()
