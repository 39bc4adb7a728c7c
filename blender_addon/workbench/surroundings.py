"""World, lamps, ground or room, shadow catcher, and the photograph that the artist sees behind the people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np

from ..render.photos import read_backdrop
from ..scene.colour import to_display
from ..scene.spec import BackgroundSpec, LightSpec, PersonSpec, PropSpec
from ..stage.arrays import assemble
from ..stage.background import (
    backdrop_pieces,
    catcher_frame,
    catches_shadows,
    film_transparent,
    mesh_object,
    shadow_catcher,
)
from ..stage.images import ImageCache
from ..stage.light import StageLight
from ..stage.mesh_writer import write_mesh
from ..stage.surfaces import backdrop_materials
from . import parts
from .viewpoint import own_camera

_LAMP, _BACKDROP, _CATCHER, _WORLD, _PHOTO = "lamp", "backdrop", "catcher", "world", "photograph"


# --- light ------------------------------------------------------------------------------------------------------


def show_light(
    scene: bpy.types.Scene, light: LightSpec, background: BackgroundSpec, images: ImageCache
) -> None:
    """Light the scene anew. The artist's world gives way to ours, which keeps it in the file until `remove_light`;
    lamps of the artist's own stay lit.

    Raises FileNotFoundError or ValueError naming the panorama; the world is then as it was.
    """
    world = scene.world
    parts.remove(parts.parts(scene, _LAMP))
    stage = StageLight(scene, images, parts.collection_of(scene))
    for lamp in stage.lamps:
        lamp[parts.PART] = _LAMP
    try:
        stage.apply(light, background)
    except (OSError, ValueError):
        scene.world = world
        parts.remove(stage.lamps)
        bpy.data.worlds.remove(stage.world)
        raise
    parts.remove([lamp for lamp in stage.lamps if lamp.data.energy == 0.0])
    stage.world[parts.PART] = _WORLD
    theirs = _artists(world)
    if theirs is not None:
        stage.world[parts.BEFORE] = (
            theirs  # which also keeps it in the file: a reference counts as a user
        )
    _drop(world)
    stage.world.name = "PII world"
    for image in images:
        if image.source == "GENERATED":
            image.pack()  # else its pixels would not be saved with the file


def remove_light(scene: bpy.types.Scene) -> None:
    """Delete world and lamps; the artist's world is there again."""
    parts.remove(parts.parts(scene, _LAMP))
    world = scene.world
    scene.world = _artists(world)
    _drop(world)


def _artists(world: bpy.types.World | None) -> bpy.types.World | None:
    """The artist's world, or the one that ours stands in for."""
    if world is None or world.get(parts.PART) != _WORLD:
        return world
    return world.get(parts.BEFORE)


def _drop(world: bpy.types.World | None) -> None:
    """Delete a world of ours that nothing shows any more."""
    if world is not None and world.get(parts.PART) == _WORLD and world.users == 0:
        bpy.data.worlds.remove(world)


# --- background -------------------------------------------------------------------------------------------------


def show_background(scene: bpy.types.Scene, background: BackgroundSpec) -> None:
    """Ground or room. What a photograph or a plain colour is behind, is rendered without background.

    Raises ValueError for a room without size, KeyError for an unknown pattern.
    """
    mesh = assemble(backdrop_pieces(background))
    parts.remove(parts.parts(scene, _BACKDROP))
    if len(mesh.vertices):
        name = "Room" if background.kind == "room" else "Ground"
        obj = mesh_object(parts.collection_of(scene), name, backdrop_materials())
        obj[parts.PART] = _BACKDROP
        obj.hide_select = True  # in the way of everything else
        write_mesh(obj.data, mesh)
    scene.render.film_transparent = film_transparent(background)


def show_catcher(
    scene: bpy.types.Scene,
    background: BackgroundSpec,
    light: LightSpec,
    persons: Sequence[PersonSpec],
    props: Sequence[PropSpec],
) -> None:
    """An invisible ground for shadows, below all there is, where there is no other ground."""
    parts.remove(parts.parts(scene, _CATCHER))
    if catches_shadows(background, light):
        obj = shadow_catcher(parts.collection_of(scene))
        obj[parts.PART] = _CATCHER
        obj.hide_select, obj.display_type = True, "WIRE"  # the photograph is to be seen through it
        obj.location, obj.scale = catcher_frame(persons, props, light)


def show_photograph(
    scene: bpy.types.Scene, background: BackgroundSpec, width: int, height: int
) -> None:
    """In the view through our camera, the photograph as it will be behind the people. Raises FileNotFoundError or
    ValueError naming it."""
    camera = own_camera(scene)
    if camera is None:
        return
    _remove_photograph(camera.data)
    if background.kind != "photo":
        return
    image = _photograph(background, width, height)
    behind = camera.data.background_images.new()
    behind.image, behind.alpha, behind.display_depth, behind.frame_method = (
        image,
        1.0,
        "BACK",
        "STRETCH",
    )
    camera.data.show_background_images = True


def remove_background(scene: bpy.types.Scene) -> None:
    """Delete ground, room, shadow catcher and photograph."""
    parts.remove([*parts.parts(scene, _BACKDROP), *parts.parts(scene, _CATCHER)])
    camera = own_camera(scene)
    if camera is not None:
        _remove_photograph(camera.data)


def _photograph(background: BackgroundSpec, width: int, height: int) -> bpy.types.Image:
    """The part of the photograph that is shown, cropped and turned as in the picture, packed into the file."""
    linear = read_backdrop(
        Path(background.photo), background.photo_crop, width, height, flip=background.photo_flip
    )
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = to_display(linear)[::-1]
    image = bpy.data.images.new("PII photograph", width, height)
    image[parts.PART] = _PHOTO
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    return image


def _remove_photograph(camera: bpy.types.Camera) -> None:
    for behind in list(camera.background_images):
        image = behind.image
        if image is not None and image.get(parts.PART) == _PHOTO:
            camera.background_images.remove(behind)
            if image.users == 0:
                bpy.data.images.remove(image)
