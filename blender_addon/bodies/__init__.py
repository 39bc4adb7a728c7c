"""Bodies: SMPL-family models and their forward pass, their files, motion files, and the default
body.

    body = default_body()                        # or load_body("SMPLX_FEMALE.npz")
    posed = body.pose(betas, pose, translation)  # posed.vertices (V, 3), posed.joints (J, 3), m

Pure numpy; nothing here needs Blender.
"""

from .joints import PARTS, fit_pose
from .library import default_body, load_body
from .model import BodyModel, Posed, ShapeSamples
from .motion import (
    Motion,
    load_motions,
    read_motion,
    read_surreal,
    surreal_sequences,
    surreal_shapes,
)
from .rotations import matrix_to_axis_angle, rodrigues

__all__ = [
    "PARTS",
    "BodyModel",
    "Motion",
    "Posed",
    "ShapeSamples",
    "default_body",
    "fit_pose",
    "load_body",
    "load_motions",
    "matrix_to_axis_angle",
    "read_motion",
    "read_surreal",
    "rodrigues",
    "surreal_sequences",
    "surreal_shapes",
]
