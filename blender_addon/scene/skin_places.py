"""Find the faces and hands of an image, for the exposure. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .body_poser import BodyPoser
from .camera import project, radius_in_pixels
from .spec import SceneSpec

# A disc of `radius` m, `beyond` m from the second joint on the way from the first.
_DISCS = (
    ("neck", "head", 0.08, 0.13),
    ("left_elbow", "left_wrist", 0.08, 0.10),
    ("right_elbow", "right_wrist", 0.08, 0.10),
)


def faces_and_hands(
    spec: SceneSpec, instances: NDArray[np.integer], poser: BodyPoser
) -> NDArray[np.bool_]:
    """(H, W) whether a pixel shows a person's head or hand.

    Args:
        spec: The scene.
        instances: (H, W) rendered person ids.
        poser: Poses the persons of the scene.
    """
    found = np.zeros(instances.shape, dtype=bool)
    for person in spec.persons:
        names = poser.bodies[person.body.model].joint_names
        joints = poser.pose(person).joints
        for start, end, beyond, radius in _DISCS:
            a, b = (np.asarray(joints[names.index(name)], np.float64) for name in (start, end))
            middle = b + (b - a) / max(float(np.linalg.norm(b - a)), 1e-6) * beyond
            pixels, depth = project(middle, spec.camera, spec.width, spec.height)
            if depth > 0.05:
                extent = radius_in_pixels(middle, radius, spec.camera, spec.width, spec.height)
                _add_disc(found, instances == person.id, pixels, extent)
    return found


def _add_disc(
    found: NDArray[np.bool_],
    person: NDArray[np.bool_],
    middle: NDArray[np.float64],
    radius: float,
) -> None:
    """Mark the person's pixels within `radius` px of `middle`."""
    size = np.array(found.shape[::-1])
    low = np.clip(np.floor(middle - radius), 0, size).astype(int)
    high = np.clip(np.ceil(middle + radius), 0, size).astype(int)
    part = slice(low[1], high[1]), slice(low[0], high[0])
    y, x = np.ogrid[part]
    inside = (x + 0.5 - middle[0]) ** 2 + (y + 0.5 - middle[1]) ** 2 <= radius**2
    found[part] |= inside & person[part]
