from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.props.catalogue import SHAPES
from blender_addon.props.drawn_images import atlas
from blender_addon.recipes.backgrounds import BACKGROUND_KINDS
from blender_addon.recipes.recipe import LIGHT_KINDS
from blender_addon.scene.spec import (
    SURFACE_PATTERNS,
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    MotionSpec,
    PropSpec,
    SurfaceSpec,
)

STUDIO = LightSpec("hdri", hdri="builtin:studio")
FLAT = LightSpec("spherical_harmonics", coefficients=(1.0, *(0.0,) * 8))


def test_the_same_spec_gives_the_same_bytes_whatever_came_before(
    shoot: Any, scene: Any, person: Any, box: Any
) -> None:
    a = scene(
        persons=(person(1, -0.5), person(2, 0.6, 0.5)), props=(box(-1.0, 1.5, 0.4),), light=STUDIO
    )
    b = scene(
        persons=(person(1, 0.3), person(2, -0.8), person(3, 1.2, 0.3)),
        props=(box(1.0, -0.5, 0.3, "checks"), box(0.0, 1.0, 0.5, "noise")),
        background=BackgroundSpec("room", room_size=(5.0, 9.0, 2.6)),
        camera=CameraSpec(
            (0.2, -3.0, 1.5), 4.0, -8.0, 3.0, 60.0, f_stop=2.0, focus_distance=3.0, shutter=0.02
        ),
    )
    c = scene(background=BackgroundSpec("plain"), light=FLAT, persons=(person(1),))
    first = shoot(a)
    again = shoot(a)
    shoot(b)
    shoot(c)
    last = shoot(a)

    for name in ("image", "instances"):
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(first[name], last[name])
    assert set(np.unique(first["instances"])) == {0, 1, 2}


def test_a_person_stands_where_the_spec_says(
    shoot: Any, scene: Any, person: Any, body: Any
) -> None:
    from blender_addon.scene.camera import project

    who = person(1, 0.4, 0.2)
    spec = scene(persons=(who,), width=96, height=96)
    mask = shoot(spec)["instances"]

    posed = body.pose(who.body.betas, np.array(who.body.pose), who.body.translation)
    pixels, _ = project(posed.vertices, spec.camera, 96, 96)
    rows, columns = np.nonzero(mask == 1)
    # The clothes of the plain outfit are thin: half a pixel.
    np.testing.assert_allclose(
        [columns.min(), columns.max() + 1], [pixels[:, 0].min(), pixels[:, 0].max()], atol=1.5
    )
    np.testing.assert_allclose(
        [rows.min(), rows.max() + 1], [pixels[:, 1].min(), pixels[:, 1].max()], atol=1.5
    )


def test_the_next_image_hides_who_is_not_in_it(shoot: Any, scene: Any, person: Any) -> None:
    shoot(scene(persons=(person(1, -1.0), person(2, 1.0))))
    alone = shoot(scene(persons=(person(1, -1.0),)))["instances"]

    assert (alone[:, :30] == 1).any() and not alone[:, 34:].any()


def test_ids_follow_the_spec_and_not_the_order_of_objects(
    shoot: Any, scene: Any, person: Any
) -> None:
    left_then_right = shoot(scene(persons=(person(1, -1.0), person(2, 1.0))))["instances"]
    swapped = shoot(scene(persons=(person(2, -1.0), person(1, 1.0))))["instances"]

    np.testing.assert_array_equal(swapped, np.array([0, 2, 1])[left_then_right])


def test_things_stand_in_front_of_people_and_hide_them(
    shoot: Any, scene: Any, person: Any, box: Any
) -> None:
    free = shoot(scene(persons=(person(1),)))["instances"]
    hidden = shoot(scene(persons=(person(1),), props=(box(0.0, -1.5, 0.8),)))["instances"]

    assert 0 < (hidden == 1).sum() < 0.9 * (free == 1).sum()
    assert not ((hidden == 1) & (free == 0)).any()


def test_nothing_grows_over_many_images(bpy: Any, stage: Any, scene: Any, person: Any) -> None:
    rng = np.random.default_rng(5)
    shapes, kinds = list(SHAPES), ("hdri", "plain", "room")

    def draw() -> Any:
        surface = SurfaceSpec(
            str(rng.choice(SURFACE_PATTERNS)), (0.5, 0.2, 0.1), (0.1, 0.2, 0.5), 3.0, 0.5
        )
        props = [
            PropSpec(
                str(rng.choice(shapes)), tuple(rng.uniform(-3, 3, 3)), (0, 0, 9), (1, 1, 1), surface
            )
            for _ in range(rng.integers(0, 5))
        ]
        return scene(
            persons=tuple(person(i + 1, float(i)) for i in range(rng.integers(0, 4))),
            props=tuple(props),
            background=BackgroundSpec(str(rng.choice(kinds)), ground=surface, wall=surface),
            light=STUDIO
            if rng.random() < 0.5
            else LightSpec("sun_sky", sun_elevation=rng.uniform(0, 90)),
        )

    def counts() -> dict[str, int]:
        kinds = (
            "objects",
            "meshes",
            "materials",
            "node_groups",
            "images",
            "lights",
            "worlds",
            "cameras",
        )
        return {kind: len(getattr(bpy.data, kind)) for kind in kinds}

    # What is made at its first use, such as the atlas of drawn images, is there from here on.
    drawn = SurfaceSpec("image", (0.5, 0.2, 0.1), (0.1, 0.2, 0.5), 3.0, 0.5, image="drawn:poster:1")
    poster = PropSpec("box", (0, 2, 0), (0, 0, 0), (1, 1, 1), drawn)
    persons = tuple(person(i + 1, float(i)) for i in range(4))
    stage.apply(scene(persons=persons, props=(poster,), light=STUDIO))
    before = counts()
    for _ in range(30):
        stage.apply(draw())
    assert counts() == before


OF_THEIR_OWN = ("image", "glass", "lamp", "mirror", "drawn_person")  # no albedo but a shader


@pytest.mark.parametrize("pattern", sorted(set(SURFACE_PATTERNS) - set(OF_THEIR_OWN)))
def test_every_pattern_can_be_seen(shoot: Any, scene: Any, pattern: str) -> None:
    surface = SurfaceSpec(pattern, (0.7, 0.3, 0.2), (0.1, 0.2, 0.5), 2.0, 0.7)
    spec = scene(
        camera=CameraSpec((0, 0, 3), 0, -90, 0, 60),
        background=BackgroundSpec("hdri", ground=surface),
        light=FLAT,
    )
    image = shoot(spec)["image"][..., :3]

    assert image.min() > 0.005 and image.max() < 1.0
    colors = len(np.unique(image.reshape(-1, 3).round(3), axis=0))
    assert colors == 1 if pattern == "plain" else colors > 1


def flat_thing(pattern: str, tone_shape: str = "box", image: str = "") -> PropSpec:
    surface = SurfaceSpec(pattern, (0.95, 0.9, 0.9), (0.1, 0.2, 0.5), 2.0, 0.9, image=image)
    return PropSpec(tone_shape, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (4.0, 0.1, 4.0), surface)


def before_camera(shoot: Any, scene: Any, thing: PropSpec) -> np.ndarray:
    camera = CameraSpec((0.0, -3.0, 2.0), 0.0, 0.0, 0.0, 40.0)
    plain = BackgroundSpec("plain")
    return shoot(scene(props=(thing,), camera=camera, light=FLAT, background=plain))["image"]


def test_a_lamp_shines_as_bright_as_its_scale_says(shoot: Any, scene: Any) -> None:
    image = before_camera(shoot, scene, flat_thing("lamp"))

    np.testing.assert_allclose(image[..., 0], 1.9, rtol=1e-3)


def test_a_pane_lets_the_background_through(shoot: Any, scene: Any) -> None:
    image = before_camera(shoot, scene, flat_thing("glass"))

    assert image[..., 3].mean() < 0.4


def test_a_poster_shows_its_drawing(shoot: Any, scene: Any) -> None:
    plain, drawn = (
        before_camera(shoot, scene, flat_thing("plain", "poster", image))
        for image in ("", "drawn:art:1")
    )

    assert drawn[..., :3].std() > 3 * plain[..., :3].std()


def test_a_pattern_sticks_to_a_thing_that_moves(shoot: Any, scene: Any, box: Any) -> None:
    def look(x: float) -> np.ndarray:
        camera = CameraSpec((x, -3.0, 0.6), 0.0, -5.0, 0.0, 40.0)
        things = (box(x, 0.0, 1.0, "checks"),)
        return shoot(
            scene(props=things, camera=camera, light=FLAT, background=BackgroundSpec("plain"))
        )["image"]

    np.testing.assert_allclose(look(0.0), look(7.0), atol=2e-2)


def test_photo_and_plain_backgrounds_leave_a_hole_and_catch_shadows(
    shoot: Any, scene: Any, person: Any
) -> None:
    sun = LightSpec("sun_sky", sun_elevation=40.0, sun_azimuth=180.0)
    spec = scene(persons=(person(1),), background=BackgroundSpec("plain"), light=sun, samples=16)
    frame = shoot(spec)
    alpha = frame["image"][..., 3]
    off = frame["instances"] == 0

    assert (alpha[:10] == 0.0).all()
    assert alpha[off].max() > 0.5  # the shadow behind the feet
    shadow = off & (alpha > 0.5)
    assert np.median(frame["image"][shadow][:, :3]) == 0.0


def test_surreal_light_throws_no_shadow(shoot: Any, scene: Any, person: Any) -> None:
    frame = shoot(scene(persons=(person(1),), background=BackgroundSpec("plain"), light=FLAT))
    alpha = frame["image"][..., 3]

    assert alpha[frame["instances"] == 0].max() < 0.6  # edges of the person at most
    assert frame["image"][frame["instances"] == 1].max() > 0.05


def test_other_backgrounds_fill_the_image(shoot: Any, scene: Any) -> None:
    for background in (BackgroundSpec("hdri"), BackgroundSpec("room", room_size=(6.0, 9.0, 3.0))):
        image = shoot(scene(background=background, light=STUDIO, samples=4))["image"]
        assert (image[..., 3] > 0.999).all() and np.median(image[..., :3]) > 0.01


def test_a_camera_outside_a_room_sees_who_is_in_it(shoot: Any, scene: Any, person: Any) -> None:
    room = BackgroundSpec("room", room_size=(4.0, 4.0, 2.6))
    frame = shoot(scene(persons=(person(1),), background=room))

    assert (frame["instances"] == 1).sum() > 100


def test_a_moving_person_blurs_by_the_way_it_goes(shoot: Any, scene: Any, person: Any) -> None:
    speed, shutter = 8.0, 0.05  # 0.4 m
    still = person(1)
    x, y, z = still.body.translation
    moving = dataclasses.replace(
        still, motion=MotionSpec(still.body.pose, (x + 0.1 * speed, y, z), 0.1)
    )

    def width(who: Any, shutter: float) -> float:
        camera = CameraSpec((0.0, -4.0, 1.0), 0.0, 0.0, 0.0, 50.0, shutter=shutter)
        spec = scene(
            persons=(who,),
            camera=camera,
            light=FLAT,
            background=BackgroundSpec("plain"),
            samples=64,
        )
        columns = np.nonzero((shoot(spec)["image"][..., 3] > 0.02).any(axis=0))[0]
        return float(columns.max() - columns.min()) * 2 * 4.0 * np.tan(np.radians(25)) / 64

    sharp = width(moving, 0.0)
    assert width(moving, shutter) - sharp == pytest.approx(speed * shutter, abs=0.13)
    assert width(still, shutter) == sharp
    assert width(moving, 0.0) == sharp


def test_parts_come_from_the_labels_of_the_body(shoot: Any, scene: Any, person: Any) -> None:
    frame = shoot(scene(persons=(person(1),), samples=4), ("image", "instances", "parts"))
    parts = frame["parts"]

    rows, _ = np.nonzero(parts == 16)  # head is SMPL's part 15
    assert len(rows) and rows.mean() < np.nonzero(parts == 1)[0].mean()  # above the pelvis
    assert (parts[frame["instances"] == 0] == 0).all()


def test_missing_things_are_named(
    stage: Any, scene: Any, person: Any, box: Any, tmp_path: Path
) -> None:
    ghost = person(1)
    ghost = dataclasses.replace(ghost, body=dataclasses.replace(ghost.body, model="ghost"))
    with pytest.raises(KeyError, match=r"ghost.*default"):
        stage.apply(scene(persons=(ghost,)))
    with pytest.raises(KeyError, match="teapot"):
        stage.apply(scene(props=(dataclasses.replace(box(), shape="teapot"),)))
    with pytest.raises(KeyError, match="tartan"):
        stage.apply(scene(props=(box(pattern="tartan"),)))
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        stage.apply(scene(background=BackgroundSpec("photo", photo=str(tmp_path / "gone.jpg"))))
    with pytest.raises(ValueError, match=r"cave.*room"):
        stage.apply(scene(background=BackgroundSpec("cave")))
    with pytest.raises(ValueError, match="room_size"):
        stage.apply(scene(background=BackgroundSpec("room", room_size=(0.0, 5.0, 2.6))))


def test_every_kind_that_recipes_and_specs_name_can_be_staged(stage: Any) -> None:
    from blender_addon.stage import background, surfaces

    assert tuple(background.KINDS) == BACKGROUND_KINDS
    assert tuple(stage.light.kinds) == LIGHT_KINDS
    assert tuple(surfaces.PAINT) == SURFACE_PATTERNS


def test_a_stage_can_be_taken_down(bpy: Any, body: Any, scene: Any, person: Any) -> None:
    from blender_addon.stage.stage import Stage

    kinds = ("scenes", "objects", "meshes", "images", "lights", "worlds", "cameras")
    before = {kind: len(getattr(bpy.data, kind)) for kind in kinds}
    stage = Stage({"default": body})
    stage.apply(scene(persons=(person(1),), light=STUDIO))
    stage.remove()

    assert {kind: len(getattr(bpy.data, kind)) for kind in kinds} == before


def test_images_are_drawn_for_materials_that_are_in_use(bpy: Any) -> None:
    from blender_addon.stage.drawn_atlas import draw_where_shown
    from blender_addon.stage.surfaces import solid_materials

    plain, shown = (solid_materials()[SURFACE_PATTERNS.index(name)] for name in ("plain", "image"))
    node = shown.node_tree.nodes["PII drawn"]
    before, node.image = node.image, None

    draw_where_shown([plain, None])
    assert node.image is None

    draw_where_shown([plain, shown])
    assert node.image is not None and before in (None, node.image)
    pixels = np.empty(len(node.image.pixels), np.float32)
    node.image.pixels.foreach_get(pixels)
    np.testing.assert_allclose(pixels, (atlas()[::-1] / 255).ravel(), atol=1e-6)
