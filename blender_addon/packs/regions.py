"""Tell where on the body a garment of a pack is, before it is fitted."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from .helper_mesh import helper_mesh
from .mhclo import Clothes

REGIONS = ("head", "torso", "arms", "hips", "legs", "skirt", "feet")
_SHARE = 0.04  # of its vertices that make a region
_AT_CROTCH = 0.05  # m around the crotch, where trousers are closed
_OVER = re.compile(r"coat|jacket|blazer|cardigan|tunic|vest|apron|cape|cloak|poncho|robe", re.I)


def regions_of(clothes: Clothes) -> tuple[str, ...]:
    """List those of REGIONS that the garment covers.

    "hips" is closed between the legs, as trousers are; "skirt" hangs around both legs.
    """
    helper = helper_mesh()
    joint = _joints()
    p = np.einsum("gk,gka->ga", clothes.weights, helper.rest[clothes.references])
    x, y = np.abs(p[:, 0]), p[:, 1]
    on_arm = (x > joint["left_shoulder"][0] + 0.06) & (y > joint["left_hip"][1] + 0.2)
    low = ~on_arm & (y < joint["crotch"][1] - 0.03) & (y > joint["left_ankle"][1] + 0.06)
    share = {
        "head": y > joint["head"][1],
        "torso": ~on_arm & (y > joint["spine1"][1] + 0.05) & (y < joint["neck"][1]),
        "arms": on_arm,
        "legs": low,
        "feet": y < joint["left_ankle"][1],
    }
    found = {name: bool(where.mean() > _SHARE) for name, where in share.items()}
    closed = np.abs(p - joint["crotch"]).max(axis=1) < _AT_CROTCH
    found["hips"] = bool(closed.sum() > 3)
    if not any(found.values()):  # a mini skirt ends above the crotch
        found["legs"] = bool((np.abs(y - joint["left_hip"][1]) < 0.15).mean() > 0.5)
    found["skirt"] = found["legs"] and not found["hips"] and not found["feet"]
    found["legs"] &= not found["skirt"]
    return tuple(name for name in REGIONS if found[name])


@lru_cache(maxsize=1)
def _joints() -> dict[str, np.ndarray]:
    """Joints of the default body at rest, and the point between its legs; (3,) m each."""
    body = helper_mesh().body
    joint = dict(zip(body.joint_names, body.rest_joints(), strict=True))
    v = np.asarray(body.v_template, dtype=np.float64)
    middle = v[(np.abs(v[:, 0]) < 0.012) & (v[:, 1] > joint["left_knee"][1])]
    joint["crotch"] = middle[np.argmin(middle[:, 1])]
    return joint


def layers_of(kind: str, regions: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Layers of built-in garments that a thing stands for.

    Args:
        kind: One of kinds.KINDS.
        regions: Of `regions_of`.
        name: A coat, by name, is worn over trousers.
    """
    if kind in ("hair", "hat", "eyebrows", "eyelashes"):
        return (kind,)
    if kind == "shoes":
        return ("socks", "shoes")
    if kind != "clothes":
        return ()
    out: list[str] = []
    if "hips" in regions or ("skirt" in regions and not _OVER.search(name)):
        out.append("bottom")
    if "torso" in regions:
        out += ["top", "outer"]
    if "feet" in regions and "legs" in regions:
        out += ["socks"]
    return tuple(out)
