"""Finding and removing the parts that the extension added to the artist's scene.

Blender's references become invalid on undo and on loading a file, so nothing is stored between two
calls: every part has a custom property, and is found by it.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ..stage import model_shader, surface_images
from ..stage.images import ImageCache

COLLECTION = "PII Synth"
PART = "pii_synth part"  # on an object, a world, a collection, an image: which part it is
_OF_PACKS = (model_shader.PREFIX, surface_images.PREFIX)
BEFORE = "pii_synth before"  # on our world and camera: the artist's own, which it replaces


def collection_of(scene: bpy.types.Scene) -> bpy.types.Collection:
    """The collection of this scene that holds all parts; created if needed."""
    found = _collection(scene)
    if found is None:
        found = bpy.data.collections.new(COLLECTION)
        found[PART] = "collection"
        scene.collection.children.link(found)
    return found


def remove_collection(scene: bpy.types.Scene) -> None:
    """Delete the collection, unless the artist has put something into it."""
    found = _collection(scene)
    if found is not None and not found.all_objects and not found.children:
        bpy.data.collections.remove(found)


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    return next((c for c in scene.collection.children_recursive if PART in c), None)


def parts(scene: bpy.types.Scene, kind: str) -> list[bpy.types.Object]:
    """The objects of `scene` that are this kind of part."""
    return [obj for obj in scene.objects if obj.get(PART) == kind]


def remove(objects: Iterable[bpy.types.Object]) -> None:
    """Delete objects and the data that only they used.

    Objects that an artist parented to them keep their place.
    """
    objects = list(objects)
    for child in [child for obj in objects for child in obj.children if child not in objects]:
        place = child.matrix_world.copy()
        child.parent = None
        child.matrix_world = place
    data = list(dict.fromkeys(obj.data for obj in objects if obj.data is not None))
    bpy.data.batch_remove(objects)
    bpy.data.batch_remove([block for block in data if block.users == 0])


def remove_unused_images(images: ImageCache) -> None:
    """Mark the images of a cache as parts, and delete marked images that are not used any more,
    with the materials of packs that show them.
    """
    bpy.data.batch_remove(
        [m for m in bpy.data.materials if m.users == 0 and m.name.startswith(_OF_PACKS)]
    )
    for image in images:
        image[PART] = "image"
    bpy.data.batch_remove(
        [image for image in bpy.data.images if PART in image and image.users == 0]
    )
