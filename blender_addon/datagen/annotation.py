"""The metadata line of one rendered image, see docs/dataset.md. Pure numpy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..render.silhouette import silhouette_area, visibility
from ..scene.body_poser import BodyPoser
from ..scene.camera import extrinsics, in_sight, intrinsics, project, to_camera
from ..scene.counted import Counted, counted_things
from ..scene.lens import lens_of
from ..scene.spec import BackgroundSpec, PersonSpec, SceneSpec

_FILES = ("texture", "source", "skin_image")  # fields of an outfit that name a file


def annotate(
    spec: SceneSpec,
    instances: NDArray[np.integer],
    poser: BodyPoser,
    reflected: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """The metadata line of a rendered scene, without its file names.

    Args:
        spec: The scene.
        instances: (H, W) rendered person ids.
        poser: Poses the persons of the scene.
        reflected: (H, W) px that show a person in a mirror; None without a mirror.

    Returns:
        JSON values: camera, persons, background and light.
    """
    R, t = extrinsics(spec.camera)
    return {
        "index": spec.index,
        "seed": spec.seed,
        "width": spec.width,
        "height": spec.height,
        "source": "render",
        "camera": {
            "K": _rounded(intrinsics(spec.camera, spec.width, spec.height)),
            "R": _rounded(R, 8),
            "t": _rounded(t, 6),
            "distortion": _distortion(spec),
        },
        "persons": [
            *(_person(person, spec, instances, poser, reflected) for person in spec.persons),
            *(_counted(thing, instances) for thing in counted_things(spec)),
        ],
        "background": _background(spec.background),
        "light": {
            "kind": spec.light.kind,
            "hdri": Path(spec.light.hdri).name,
            "sun": spec.light.sun_strength > 0,
        },
    }


def _distortion(spec: SceneSpec) -> dict[str, Any]:
    """The model and its coefficients, as OpenCV takes them."""
    lens = lens_of(spec.camera)
    if lens is None:
        return {"model": "none", "coefficients": [0.0] * 5}
    return {"model": lens.model, "coefficients": _rounded(np.array(lens.coefficients), 8)}


def _background(background: BackgroundSpec) -> dict[str, Any]:
    """Kind and photo, and what is known of the photo's camera and of what is in front."""
    said: dict[str, Any] = {"kind": background.kind, "photo": Path(background.photo).name}
    if background.photo_view is not None:
        said["view"] = _plain(dataclasses.asdict(background.photo_view))
    if background.photo_front:
        said["front"] = Path(background.photo_front).name
    return said


def _person(
    person: PersonSpec,
    spec: SceneSpec,
    instances: NDArray[np.integer],
    poser: BodyPoser,
    reflected: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    posed = poser.pose(person)
    vertices, faces = poser.surface(person)
    pixels, depth = project(vertices, spec.camera, spec.width, spec.height)
    if lens_of(spec.camera) is not None:  # what the lens does not show has no silhouette
        depth = np.where(in_sight(vertices, spec.camera), depth, 0.0)
    unoccluded, _ = silhouette_area(pixels, depth, faces, spec.width, spec.height)
    mask = instances == person.id
    area = int(np.count_nonzero(mask))
    in_mirror = 0 if reflected is None else int(np.count_nonzero(mask & reflected))
    joints2d, _ = project(posed.joints, spec.camera, spec.width, spec.height)
    return {
        "id": person.id,
        "bbox": bbox_of(mask),
        "area": area,
        "visibility": round(visibility(area - in_mirror, unoccluded), 4),
        **({"reflected": in_mirror} if in_mirror else {}),
        "joints2d": _rounded(joints2d, 2),
        "joints3d": _rounded(to_camera(posed.joints, spec.camera), 4),
        "body": {
            "model": Path(person.body.model).name,
            "betas": list(person.body.betas),
            "pose": _rounded(np.array(person.body.pose), 5),
            "translation": _rounded(np.array(person.body.translation), 5),
            **_expression(person),
        },
        "pose_name": person.pose_name,
        "wardrobe": _plain(dataclasses.asdict(person.outfit)),
    }


def _counted(thing: Counted, instances: NDArray[np.integer]) -> dict[str, Any]:
    """The line of a statue or of the drawn people of an image: it has no body and no joints."""
    mask = instances == thing.id
    return {
        "id": thing.id,
        "kind": thing.kind,
        "bbox": bbox_of(mask),
        "area": int(np.count_nonzero(mask)),
        "shape": thing.prop.shape,
    }


def _expression(person: PersonSpec) -> dict[str, list[float]]:
    """The coefficients of face and fingers, where there are any."""
    expression = person.body.expression
    return {"expression": [round(value, 4) for value in expression]} if expression else {}


def bbox_of(mask: NDArray[np.bool_]) -> list[int]:
    """[x, y, w, h] in px; zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return [0, 0, 0, 0]
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]


def _rounded(values: NDArray[np.floating], digits: int = 4) -> Any:
    return np.round(np.asarray(values, dtype=np.float64), digits).tolist()


def _plain(value: Any) -> Any:
    """JSON values with rounded numbers; files are named without their folders."""
    if isinstance(value, dict):
        return {k: Path(v).name if k in _FILES else _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
