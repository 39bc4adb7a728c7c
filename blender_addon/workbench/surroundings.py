"""World, lamps, ground or room, shadow catcher, and the background photo in the viewport."""

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
    catcher_color,
    catcher_frame,
    catches_shadows,
    film_transparent,
    shadow_catcher,
)
from ..stage.images import ImageCache
from ..stage.light import StageLight
from ..stage.mesh_writer import mesh_object, write_mesh
from ..stage.surface_images import image_material
from ..stage.surfaces import backdrop_materials
from . import parts
from .viewpoint import own_camera

_LAMP, _BACKDROP, _CATCHER, _WORLD, _PHOTO = "lamp", "backdrop", "catcher", "world", "photograph"


# --- light ----------------------------------------------------------------------------------------


def show_light(
    scene: bpy.types.Scene, light: LightSpec, background: BackgroundSpec, images: ImageCache
) -> None:
    """Replace the light of the scene.

    Our world replaces the artist's, and refers to it until `remove_light`. The artist's own lamps
    stay lit.

    Args:
        scene: the scene to change.
        light: world and lamps.
        background: a room has lamps of its own.
        images: cache for panoramas.

    Raises:
        FileNotFoundError: the panorama is missing. The world is not changed.
        ValueError: the panorama cannot be read. The world is not changed.
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
            theirs  # a reference counts as a user, so the file keeps this world
        )
    _drop(world)
    stage.world.name = "PII world"
    for image in images:
        if image.source == "GENERATED":
            image.pack()  # otherwise its pixels would not be saved with the file


def remove_light(scene: bpy.types.Scene) -> None:
    """Delete our world and lamps, and restore the artist's world."""
    parts.remove(parts.parts(scene, _LAMP))
    world = scene.world
    scene.world = _artists(world)
    _drop(world)


def _artists(world: bpy.types.World | None) -> bpy.types.World | None:
    """The artist's world, or the one that ours replaces."""
    if world is None or world.get(parts.PART) != _WORLD:
        return world
    return world.get(parts.BEFORE)


def _drop(world: bpy.types.World | None) -> None:
    """Delete a world of ours that no scene uses any more."""
    if world is not None and world.get(parts.PART) == _WORLD and world.users == 0:
        bpy.data.worlds.remove(world)


# --- background -----------------------------------------------------------------------------------


def show_background(scene: bpy.types.Scene, background: BackgroundSpec, images: ImageCache) -> None:
    """Replace ground or room.

    In front of a photo or a plain colour, the scene is rendered with a transparent background.

    Raises:
        ValueError: a room has no size.
        KeyError: a pattern is unknown.
    """
    mesh = assemble(backdrop_pieces(background))
    parts.remove(parts.parts(scene, _BACKDROP))
    if len(mesh.vertices):
        name = "Room" if background.kind == "room" else "Ground"
        shown = [image_material(file, images, backdrop=True) for file in mesh.images]
        materials = [*backdrop_materials(), *shown]
        obj = mesh_object(parts.collection_of(scene), name, materials)
        obj[parts.PART] = _BACKDROP
        obj.hide_select = True  # otherwise every click would hit it
        write_mesh(obj.data, mesh)
    scene.render.film_transparent = film_transparent(background)


def show_catcher(
    scene: bpy.types.Scene,
    background: BackgroundSpec,
    light: LightSpec,
    persons: Sequence[PersonSpec],
    props: Sequence[PropSpec],
) -> None:
    """Replace the shadow catcher, an invisible ground; used where there is no other ground."""
    parts.remove(parts.parts(scene, _CATCHER))
    if catches_shadows(background, light):
        obj = shadow_catcher(parts.collection_of(scene))
        obj[parts.PART] = _CATCHER
        obj.hide_select, obj.display_type = True, "WIRE"  # it must not hide the photo
        obj.location, obj.scale = catcher_frame(persons, props, light)
        obj.color = catcher_color(background)


def show_photo(scene: bpy.types.Scene, background: BackgroundSpec, width: int, height: int) -> None:
    """Show the background photo in the view through our camera, as in the render.

    Args:
        scene: the scene to change.
        background: names the photo and its crop; other kinds remove the photo.
        width: px, of the image.
        height: px, of the image.

    Raises:
        FileNotFoundError: the photo is missing.
        ValueError: the photo cannot be read.
    """
    camera = own_camera(scene)
    if camera is None:
        return
    _remove_photo(camera.data)
    if background.kind != "photo":
        return
    image = _photo(background, width, height)
    behind = camera.data.background_images.new()
    behind.image, behind.alpha, behind.display_depth, behind.frame_method = (
        image,
        1.0,
        "BACK",
        "STRETCH",
    )
    camera.data.show_background_images = True


def remove_background(scene: bpy.types.Scene) -> None:
    """Delete ground, room, shadow catcher and photo."""
    parts.remove([*parts.parts(scene, _BACKDROP), *parts.parts(scene, _CATCHER)])
    camera = own_camera(scene)
    if camera is not None:
        _remove_photo(camera.data)


def _photo(background: BackgroundSpec, width: int, height: int) -> bpy.types.Image:
    """The visible part of the photo, cropped and flipped as in the render, packed into the file."""
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


def _remove_photo(camera: bpy.types.Camera) -> None:
    for behind in list(camera.background_images):
        image = behind.image
        if image is not None and image.get(parts.PART) == _PHOTO:
            camera.background_images.remove(behind)
            if image.users == 0:
                bpy.data.images.remove(image)
