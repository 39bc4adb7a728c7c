"""A draw in the artist's own scene: shown, read back after editing, and cleared.

`show` writes a SceneSpec, or some factors of it, into the scene; `read` reads the scene as it
stands. The artist's own objects are not changed, except that the active camera and the world are
replaced by those of the draw until `clear`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import bpy

from ..character.character import PERSON, Character, character_of, characters, renumber
from ..recipes.recipe import Recipe, Render
from ..render.photos import PHOTOS
from ..scene.assets import Assets, load_assets, open_body
from ..scene.resampling import FACTORS, PERSON_FACTORS
from ..scene.sensor_spec import SensorSpec
from ..scene.spec import (
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    PersonSpec,
    SceneSpec,
    sources_of,
)
from ..stage.images import ImageCache
from ..stage.light import hdri_path
from . import parts, surroundings
from .props import is_prop, read_props, remove_props, show_props
from .viewpoint import read_camera, remove_camera, show_camera

__all__ = ["artists_objects", "assets_of", "clear", "is_empty", "is_prop", "read", "show"]

# Types of objects that can be seen in an image, or that light it.
_VISIBLE = {
    "MESH",
    "CURVE",
    "CURVES",
    "SURFACE",
    "META",
    "FONT",
    "POINTCLOUD",
    "VOLUME",
    "GREASEPENCIL",
    "LIGHT",
}


def assets_of(recipe: Recipe, scene: bpy.types.Scene) -> Assets:
    """Load the assets of a recipe, and the bodies of all people in the scene.

    Raises:
        RecipeError: a file cannot be used; the message names it.
    """
    assets = load_assets(recipe, PHOTOS)
    names = {person.model_name for person in characters(scene)} - set(assets.bodies)
    bodies = {name: open_body(name, recipe.bodies.uvs) for name in sorted(names)}
    return dataclasses.replace(assets, bodies={**assets.bodies, **bodies})


def show(
    spec: SceneSpec, scene: bpy.types.Scene, assets: Assets, factors: Collection[str] = FACTORS
) -> None:
    """Let the scene show a spec, or only some factors of it.

    With all factors, the people of the scene become those of the spec; a character with the same id
    and body model is reused. With some factors, only people who differ from the spec are changed.

    Args:
        spec: what to show.
        scene: the scene to change.
        assets: body models and everything else that the spec names, see `assets_of`.
        factors: some of resampling.FACTORS.

    Raises:
        FileNotFoundError: a file is missing; nothing was changed.
        ValueError: a file cannot be read, or a character rejects its person.
        KeyError: `assets` lacks a body model.
    """
    drawn = set(factors)
    _check_files(spec, drawn)
    images = ImageCache()
    if "camera" in drawn or ("background" in drawn and spec.background.photo_view is not None):
        show_camera(scene, spec.camera, spec.width, spec.height)
    if drawn & {"light", "background"}:  # a room has lamps of its own
        surroundings.show_light(scene, spec.light, spec.background, images)
    if "background" in drawn:
        surroundings.show_background(scene, spec.background, images)
    if drawn & {"camera", "background"}:
        surroundings.show_photo(scene, spec.background, spec.width, spec.height)
    if drawn >= set(FACTORS):
        _make_people(spec.persons, scene, assets)
    if drawn & set(PERSON_FACTORS):
        _apply_people(spec.persons, scene, assets, images)
    if drawn & {*PERSON_FACTORS, "background"}:
        _update(scene)
        owners = {person.number: person.armature for person in characters(scene)}
        show_props(scene, spec.props, owners, images)
    surroundings.show_catcher(scene, spec.background, spec.light, spec.persons, spec.props)
    parts.remove_unused_images(images)
    _update(scene)
    scene.pii_synth.draft = json.dumps(spec.to_json())


def read(scene: bpy.types.Scene) -> SceneSpec:
    """Read the scene as it stands.

    People (except those hidden from renders), props, camera and image size are read from the scene.
    Light, background, sensor and the rest are those of the last draw, or plain without a draw.
    A duplicated person gets a number of its own.

    Returns:
        The spec of the scene.

    Raises:
        ValueError: a person cannot be described by its body model any more; the message says what
            to do.
    """
    people = renumber(scene)
    _update(scene)
    draft = _draft(scene)
    percent = scene.render.resolution_percentage / 100.0
    return dataclasses.replace(
        draft,
        width=max(1, int(scene.render.resolution_x * percent)),
        height=max(1, int(scene.render.resolution_y * percent)),
        camera=read_camera(scene) or draft.camera,
        persons=tuple(person.person() for person in people if not person.mesh.hide_render),
        props=read_props(scene),
    )


def clear(scene: bpy.types.Scene) -> None:
    """Remove people, camera, light, background and props; restore the artist's camera and world."""
    remove_props(scene)
    for person in characters(scene):
        person.remove()
    surroundings.remove_background(scene)
    surroundings.remove_light(scene)
    remove_camera(scene)
    parts.remove_unused_images(ImageCache())
    parts.remove_collection(scene)
    if scene.pii_synth.draft:
        scene.render.film_transparent = False
    scene.pii_synth.draft = ""


def is_empty(scene: bpy.types.Scene) -> bool:
    """Whether the scene holds no person and no part of a draw, so that `clear` changes nothing."""
    return not any(
        is_prop(obj) or parts.PART in obj or PERSON in obj for obj in scene.objects
    ) and not (scene.world is not None and parts.PART in scene.world)


def artists_objects(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The artist's own objects that a render of the scene shows or is lit by."""
    return [
        obj
        for obj in scene.objects
        if obj.type in _VISIBLE
        and not obj.hide_render
        and not (is_prop(obj) or parts.PART in obj)
        and character_of(obj) is None
    ]


# --- people ---------------------------------------------------------------------------------------


def _make_people(persons: Sequence[PersonSpec], scene: bpy.types.Scene, assets: Assets) -> None:
    """Make the characters of the scene match the people by number and body model.

    A character that matches is kept, since making one takes a quarter of a second.
    """
    models = {person.id: person.body.model for person in persons}
    kept: set[int] = set()
    for character in renumber(scene):
        if models.get(character.number) == character.model_name and _is_whole(character):
            kept.add(character.number)
            character.mesh.hide_render = False
        else:
            character.remove()
    for id_, model in models.items():
        if id_ not in kept:
            character = Character.add(
                scene, assets.bodies[model], model, assets.poser, parts.collection_of(scene)
            )
            character.armature[PERSON] = id_


def _apply_people(
    persons: Sequence[PersonSpec], scene: bpy.types.Scene, assets: Assets, images: ImageCache
) -> None:
    by_number = {character.number: character for character in characters(scene)}
    for person in persons:
        if _read_person(by_number[person.id]) != person:
            by_number[person.id].apply(person, assets.poser, images)


def _read_person(character: Character) -> PersonSpec | None:
    """Read a character; None if no body model can be posed like it any more."""
    try:
        return character.person()
    except ValueError:
        return None


def _is_whole(character: Character) -> bool:
    """Whether the body still exists."""
    try:
        return character.mesh is not None
    except ValueError:
        return False


# --- files and the stored draw --------------------------------------------------------------------


def _check_files(spec: SceneSpec, drawn: set[str]) -> None:
    if drawn & {"light", "background"} and spec.light.kind == "hdri":
        hdri_path(spec.light.hdri)
    needed = {"background": spec.background.photo} if "background" in drawn else {}
    needed |= {f"file {i} of packs": file for i, file in enumerate(sources_of(spec), start=1)}
    if drawn & set(PERSON_FACTORS):
        needed |= {
            f"texture of person {person.id}": person.outfit.texture for person in spec.persons
        }
    for key, path in needed.items():
        if path and not Path(path).is_file():
            raise FileNotFoundError(f"{key}: file not found: {path}")


def _draft(scene: bpy.types.Scene) -> SceneSpec:
    """The last draw; without one (or with one of another version), a plain spec."""
    settings = scene.pii_synth
    try:
        return SceneSpec.from_json(json.loads(settings.draft))
    except ValueError:
        return SceneSpec(
            seed=settings.seed,
            index=settings.index,
            width=scene.render.resolution_x,
            height=scene.render.resolution_y,
            samples=Render().samples,
            bounces=Render().bounces,
            camera=CameraSpec((0.0, -4.0, 1.6), yaw=0.0, pitch=-8.0, roll=0.0, fov=50.0),
            light=LightSpec("hdri", hdri="builtin:studio"),
            background=BackgroundSpec("hdri"),
            sensor=SensorSpec(),
        )


def _update(scene: bpy.types.Scene) -> None:
    """Let Blender compute the place of every object."""
    layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
    layer.update()
