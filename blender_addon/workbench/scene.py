"""A draw in the artist's own scene, and what the artist has made of it.

`show` writes a SceneSpec into the scene, or some factors of it; `read` takes the scene as it stands. What the artist
made stays untouched, but for the active camera and the world, which give way to a draw's and come back with `clear`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import bpy

from ..character.character import PERSON, Character, character_of, characters, renumber
from ..recipes.recipe import Recipe, Render
from ..scene.assets import Assets, load_assets, open_body
from ..scene.resampling import FACTORS, PERSON_FACTORS
from ..scene.spec import BackgroundSpec, CameraSpec, LightSpec, PersonSpec, SceneSpec, SensorSpec
from ..stage.images import ImageCache
from ..stage.light import hdri_path
from . import parts, surroundings
from .props import is_prop, read_props, remove_props, show_props
from .viewpoint import read_camera, remove_camera, show_camera

__all__ = ["artists_objects", "assets_of", "clear", "is_empty", "is_prop", "read", "show"]

# What a camera sees, or sees by.
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
    """What the recipe draws from, and the bodies of all persons in the scene. Raises RecipeError naming the file."""
    assets = load_assets(recipe)
    names = {person.model_name for person in characters(scene)} - set(assets.bodies)
    bodies = {name: open_body(name, recipe.bodies.uvs) for name in sorted(names)}
    return dataclasses.replace(assets, bodies={**assets.bodies, **bodies})


def show(
    spec: SceneSpec, scene: bpy.types.Scene, assets: Assets, factors: Collection[str] = FACTORS
) -> None:
    """Let the scene show `spec`, or only `factors` of it (resampling.FACTORS).

    With all factors the scene's people become those of `spec`, each on the character that has its id, if that is of the
    same body model. With some of them, only people that the spec has in another way than they stand are touched.

    Raises FileNotFoundError naming a missing file before anything is changed; ValueError for a file that cannot be
    read and for what characters refuse; KeyError for a body model that `assets` lack.
    """
    drawn = set(factors)
    _check_files(spec, drawn)
    images = ImageCache()
    if "camera" in drawn:
        show_camera(scene, spec.camera, spec.width, spec.height)
    if drawn & {"light", "background"}:  # a room has its lamps
        surroundings.show_light(scene, spec.light, spec.background, images)
    if "background" in drawn:
        surroundings.show_background(scene, spec.background)
    if drawn & {"camera", "background"}:
        surroundings.show_photograph(scene, spec.background, spec.width, spec.height)
    if drawn >= set(FACTORS):
        _make_people(spec.persons, scene, assets)
    if drawn & set(PERSON_FACTORS):
        _apply_people(spec.persons, scene, assets, images)
    if drawn & {*PERSON_FACTORS, "background"}:
        _update(scene)
        owners = {person.number: person.armature for person in characters(scene)}
        show_props(scene, spec.props, owners)
    surroundings.show_catcher(scene, spec.background, spec.light, spec.persons, spec.props)
    parts.remove_unused_images(images)
    _update(scene)
    scene.pii_synth.draft = json.dumps(spec.to_json())


def read(scene: bpy.types.Scene) -> SceneSpec:
    """The scene as it stands. Persons (but those hidden from renders), things, camera and size of the frame are the
    scene's; light, background, sensor and the rest those of the last draw, plain ones when there was none.

    A duplicated person gets a number of its own. Raises ValueError, saying what to do, for a person that is no body any
    more.
    """
    people = renumber(scene)
    _update(scene)
    told = _draft(scene)
    percent = scene.render.resolution_percentage / 100.0
    return dataclasses.replace(
        told,
        width=max(1, int(scene.render.resolution_x * percent)),
        height=max(1, int(scene.render.resolution_y * percent)),
        camera=read_camera(scene) or told.camera,
        persons=tuple(person.person() for person in people if not person.mesh.hide_render),
        props=read_props(scene),
    )


def clear(scene: bpy.types.Scene) -> None:
    """Take people, camera, light, background and things away again. The artist's own camera and world are back."""
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
    """Whether nothing in the scene is of a draw or a person: `clear` would change nothing."""
    return not any(
        is_prop(obj) or parts.PART in obj or PERSON in obj for obj in scene.objects
    ) and not (scene.world is not None and parts.PART in scene.world)


def artists_objects(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """What will be in a picture of the scene, or light it, and is neither of a draw nor part of a person."""
    return [
        obj
        for obj in scene.objects
        if obj.type in _VISIBLE
        and not obj.hide_render
        and not (is_prop(obj) or parts.PART in obj)
        and character_of(obj) is None
    ]


# --- people -----------------------------------------------------------------------------------------------------


def _make_people(persons: Sequence[PersonSpec], scene: bpy.types.Scene, assets: Assets) -> None:
    """For each person a character of its model and number, and no others. One that fits is kept: to make a new one
    takes a quarter of a second."""
    models = {person.id: person.body.model for person in persons}
    there: set[int] = set()
    for character in renumber(scene):
        if models.get(character.number) == character.model_name and _is_whole(character):
            there.add(character.number)
            character.mesh.hide_render = False
        else:
            character.remove()
    for id_, model in models.items():
        if id_ not in there:
            character = Character.add(
                scene, assets.bodies[model], model, assets.figures, parts.collection_of(scene)
            )
            character.armature[PERSON] = id_


def _apply_people(
    persons: Sequence[PersonSpec], scene: bpy.types.Scene, assets: Assets, images: ImageCache
) -> None:
    there = {character.number: character for character in characters(scene)}
    for person in persons:
        if _stands(there[person.id]) != person:
            there[person.id].apply(person, assets.figures, images)


def _stands(character: Character) -> PersonSpec | None:
    """The person as it stands; None for one that the artist made into what no body can be."""
    try:
        return character.person()
    except ValueError:
        return None


def _is_whole(character: Character) -> bool:
    """Whether the body is still there."""
    try:
        return character.mesh is not None
    except ValueError:
        return False


# --- what is kept with the scene ----------------------------------------------------------------------------------


def _check_files(spec: SceneSpec, drawn: set[str]) -> None:
    if drawn & {"light", "background"} and spec.light.kind == "hdri":
        hdri_path(spec.light.hdri)
    needed = {"background": spec.background.photo} if "background" in drawn else {}
    if drawn & set(PERSON_FACTORS):
        needed |= {
            f"texture of person {person.id}": person.outfit.texture for person in spec.persons
        }
    for key, path in needed.items():
        if path and not Path(path).is_file():
            raise FileNotFoundError(f"{key}: file not found: {path}")


def _draft(scene: bpy.types.Scene) -> SceneSpec:
    """The last draw; where there is none (or one of another version), a plain picture of the scene as it is."""
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
    """Let Blender compute where everything is."""
    layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
    layer.update()
