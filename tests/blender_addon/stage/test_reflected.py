"""Masks of mirrors, statues and drawn people, against renders that show the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from blender_addon.datagen.reflections import with_reflections
from blender_addon.props.drawn_images import KINDS, shows_person
from blender_addon.render import engine
from blender_addon.render.passes import Pass
from blender_addon.scene.spec import (
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    PropSpec,
    SceneSpec,
    SurfaceSpec,
)

SILVER = SurfaceSpec("mirror", (1.0, 1.0, 1.0), (0.02, 0.02, 0.02), 1.0, 0.0)
WALL = SurfaceSpec("plain", (0.02, 0.02, 0.02), (0.02, 0.02, 0.02), 1.0, 1.0)
# To the left behind the person, turned so that the camera sees the person in it.
MIRROR = PropSpec("mirror", (-0.9, 1.3, 0.0), (0.0, 0.0, 30.7), (1.4, 0.05, 2.0), SILVER)


def rendered(stage: Any, cpu: Any, spec: SceneSpec, *passes: str) -> tuple[Any, Any]:
    """The frame of a spec with its reflections, and the px that show one."""
    wanted = (Pass.IMAGE, Pass.INSTANCES, *map(Pass, passes))
    stage.apply(spec)
    names = stage.person_names(spec) | stage.counted_names(spec)
    persons = [[names[id_]] for id_ in sorted(names)]

    def render(persons: Any, passes: Any) -> Any:
        engine.configure(
            stage.scene,
            width=spec.width,
            height=spec.height,
            samples=16,
            bounces=2,
            seed=spec.noise_seed,
            device=cpu,
            passes=passes,
        )
        return engine.render(stage.scene, persons, passes)

    frame = render(persons, wanted)
    return with_reflections(stage, spec, persons, frame, render)


@pytest.fixture
def view(scene: Any, person: Any) -> SceneSpec:
    spec: SceneSpec = scene(
        persons=(person(1, 0.5, 0.0),),
        props=(MIRROR,),
        camera=CameraSpec((0.3, -3.4, 1.3), 8.0, -4.0, 0.0, 55.0),
        background=BackgroundSpec("room", ground=WALL, wall=WALL, room_size=(9.0, 9.0, 5.0)),
        light=LightSpec("hdri", hdri="builtin:studio"),
        width=96,
        height=96,
    )
    return dataclasses.replace(spec, counted=("reflections",))


def grown(mask: Any) -> Any:
    """A mask (H, W) that is larger by one px on all sides."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    shifts = [(i, j) for i in range(3) for j in range(3)]
    return np.any([padded[i : i + height, j : j + width] for i, j in shifts], axis=0)


def test_the_mask_of_a_reflection_is_where_the_mirror_shows_the_person(
    stage: Any, cpu: Any, view: SceneSpec
) -> None:
    frame, mine = rendered(stage, cpu, view, "alpha")
    hidden, none = rendered(stage, cpu, dataclasses.replace(view, counted=()))
    direct = hidden.arrays[Pass.INSTANCES]
    image = frame.arrays[Pass.IMAGE][..., :3].mean(axis=-1)
    alone, _ = rendered(stage, cpu, dataclasses.replace(view, persons=()))
    # Without the person the mirror shows dark walls alone.
    changed = np.abs(image - alone.arrays[Pass.IMAGE][..., :3].mean(axis=-1))
    left = np.zeros(mine.shape, dtype=bool)
    left[:, : np.flatnonzero((direct == 1).any(axis=0)).min()] = True

    assert not none.any()
    assert mine.sum() > 60
    assert (frame.arrays[Pass.INSTANCES][mine] == 1).all()
    np.testing.assert_array_equal(frame.arrays[Pass.INSTANCES][~mine], direct[~mine])
    assert (frame.arrays[Pass.ALPHA][mine] >= 127).all()
    seen = (changed > 0.3 * np.median(changed[mine])) & left
    mine &= left
    # Outlines agree to a pixel; few samples make single pixels of the image uncertain.
    assert (mine & ~grown(seen)).sum() <= 0.05 * mine.sum()
    assert (seen & ~grown(mine)).sum() <= 0.05 * mine.sum()


def test_a_reflection_ends_with_the_pane_and_behind_things(
    stage: Any, cpu: Any, view: SceneSpec, box: Any
) -> None:
    _, whole = rendered(stage, cpu, view)
    narrow = dataclasses.replace(MIRROR, size=(0.5, 0.05, 2.0))
    _, part = rendered(stage, cpu, dataclasses.replace(view, props=(narrow,)))
    short = dataclasses.replace(MIRROR, size=(1.4, 0.05, 1.0))
    _, low = rendered(stage, cpu, dataclasses.replace(view, props=(short,)))
    away = dataclasses.replace(MIRROR, rotation=(0.0, 0.0, 210.7))
    _, behind = rendered(stage, cpu, dataclasses.replace(view, props=(away,)))
    again, mine = rendered(stage, cpu, view)

    assert part.sum() < whole.sum()
    assert not (part & ~whole).any()
    assert 0 < low.sum() < 0.8 * whole.sum()
    assert not behind.any()
    # Nothing of the world behind the mirror stays for the next image.
    np.testing.assert_array_equal(mine, whole)
    assert (again.arrays[Pass.INSTANCES] == 1).any()


def test_statues_and_drawn_people_count_when_asked(
    stage: Any, cpu: Any, scene: Any, person: Any
) -> None:
    poster = next(i for i in range(KINDS["poster"].count) if shows_person(f"drawn:poster:{i}"))
    paper = dataclasses.replace(WALL, image=f"drawn:poster:{poster}")
    props = (
        PropSpec("statue", (-0.9, 0.4, 0.0), (0.0, 0.0, 0.0), (0.9, 0.9, 1.9), WALL),
        PropSpec("poster", (1.1, 0.6, 0.4), (0.0, 0.0, 0.0), (0.9, 0.02, 1.2), paper),
    )
    plain = scene(persons=(person(1, 0.0),), props=props, width=96, height=96)
    counted = dataclasses.replace(plain, counted=("statues", "images"))
    without, _ = rendered(stage, cpu, plain)
    frame, _ = rendered(stage, cpu, counted)
    mask = frame.arrays[Pass.INSTANCES]

    assert set(np.unique(without.arrays[Pass.INSTANCES])) == {0, 1}
    assert set(np.unique(mask)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(mask == 1, without.arrays[Pass.INSTANCES] == 1)
    columns = np.nonzero(mask == 2)[1]
    assert columns.max() < 48
    columns = np.nonzero(mask == 3)[1]
    assert columns.min() > 48
    # The image stays the same, but for noise.
    change = np.abs(frame.arrays[Pass.IMAGE] - without.arrays[Pass.IMAGE])[..., :3]
    assert np.median(change[mask == 3]) < 0.02
