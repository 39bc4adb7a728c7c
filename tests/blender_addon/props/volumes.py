"""The volume of a shape, which is positive when its faces are turned outwards."""

from __future__ import annotations

import numpy as np

from blender_addon.props.primitives import Solid


def volume(solid: Solid) -> float:
    """Signed volume (m³) under a fan of triangles for each face of closed parts."""
    total = 0.0
    ends = np.append(solid.starts[1:], len(solid.loops))
    for start, end in zip(solid.starts, ends, strict=True):
        corners = solid.vertices[solid.loops[start:end]]
        total += float((np.cross(corners[1:-1], corners[2:]) @ corners[0]).sum()) / 6
    return total
