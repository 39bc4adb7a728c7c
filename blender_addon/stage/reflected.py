"""The world behind a mirror, so that Cryptomatte sees reflections as first hits.

People and things before the mirror are copied, reflected in its plane, and seen through a hole of
the size of its pane; a plate hides all else that lies behind. Only masks are rendered of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import mathutils
import numpy as np

from ..props.mirrors import bar_of
from ..props.primitives import SURFACE, polygons
from ..scene.mirrors import PANE, before, reflection
from ..scene.spec import PropSpec, SceneSpec
from .arrays import Piece, assemble, euler_matrix
from .background import GREY
from .mesh_writer import mesh_object, show, write_mesh
from .stage import Stage
from .surfaces import solid_materials

_FAR = 500.0  # m that the plate reaches
_NEAR = 0.01  # m: what is nearer to the pane than this is the mirror itself


@contextmanager
def reflected(stage: Stage, spec: SceneSpec, mirror: PropSpec) -> Iterator[dict[int, list[str]]]:
    """Show the world behind a mirror, too.

    Args:
        stage: The stage, which shows `spec`.
        spec: The scene.
        mirror: Its mirror.

    Yields:
        The names of the reflected objects of each person, by its id.
    """
    matrix = mathutils.Matrix(reflection(mirror).tolist())
    collection = stage.scene.collection
    background = stage.background
    things = [prop for prop in spec.props if before(mirror, prop.location) > _NEAR]
    background.replace_things(things)
    show(background.backdrop, False)
    show(background.catcher, False)
    added = [_plate(collection, mirror)]
    names: dict[int, list[str]] = {}
    try:
        shown = [obj for obj in (background.things, *background.own.objects) if obj.visible_camera]
        added += [_copy(obj, matrix, collection) for obj in shown]
        objects = stage.people.objects(spec.persons)
        for person in spec.persons:
            if before(mirror, person.body.translation) <= 0:
                continue
            copy = _copy(objects[person.id], matrix, collection)
            names[person.id] = [copy.name]
            added.append(copy)
            carried = stage.people.carried_by(objects[person.id])
            if carried is not None:
                added.append(_copy(carried, matrix, collection))
        yield names
    finally:
        meshes = [added[0].data]
        bpy.data.batch_remove([*added, *meshes])


def _copy(
    obj: bpy.types.Object, matrix: mathutils.Matrix, collection: bpy.types.Collection
) -> bpy.types.Object:
    """A reflected object with the same mesh."""
    copy = obj.copy()
    copy.name = f"{obj.name[:50]} reflected"
    copy.matrix_world = matrix @ obj.matrix_basis
    collection.objects.link(copy)
    return copy


def _plate(collection: bpy.types.Collection, mirror: PropSpec) -> bpy.types.Object:
    """A plate in the plane of the mirror, with a hole where its pane is."""
    x, _, z = (abs(extent) for extent in mirror.size)
    bar = bar_of(mirror.size)
    left, right, low, high = bar - x / 2, x / 2 - bar, bar, z - bar
    quads = [
        (-_FAR, left, -_FAR, _FAR),
        (right, _FAR, -_FAR, _FAR),
        (left, right, -_FAR, low),
        (left, right, high, _FAR),
    ]
    corners = [(u, -PANE, v) for a, b, c, d in quads for u, v in ((a, c), (b, c), (b, d), (a, d))]
    faces: Sequence[Sequence[int]] = np.arange(16).reshape(4, 4).tolist()
    piece = Piece(
        polygons(corners, faces, SURFACE),
        GREY,
        euler_matrix(mirror.rotation),
        np.asarray(mirror.location, dtype=np.float64),
    )
    plate = mesh_object(collection, "PII plate", solid_materials())
    write_mesh(plate.data, assemble([piece]))
    return plate
