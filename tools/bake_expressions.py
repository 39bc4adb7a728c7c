"""Expression directions of the default body: faces from MakeHuman's expression units, and fingers.

Part of `bake_default_body.py`. A direction moves each vertex of the template in the T-pose by so
many metres at coefficient 1. Face directions are sums of MakeHuman's targets (CC0), averaged over
its three ethnic groups. Finger directions bend MakeHuman's finger bones: each is a posed hand less
the hand at rest, and is right at coefficient 1; a finger bent less has directions of its own.
"""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# Direction -> MakeHuman's targets and their shares. A unit that is one-sided is named for the left.
FACES: dict[str, dict[str, float]] = {
    "mouth_open": {"mouth-open": 0.55},
    "smile": {"mouth-corner-puller": 1.0, "eye-left-slit": 0.35, "eye-right-slit": 0.35},
    "teeth": {"mouth-part-later": 0.35, "mouth-parling": 0.9},
    "pucker": {"mouth-pursing": 0.8},
    "blink_left": {"eye-left-closure": 1.0},
    "blink_right": {"eye-right-closure": 1.0},
    "eyes_wide": {"eye-left-opened-up": 0.6, "eye-right-opened-up": 0.6},
    "brows_up": {
        f"eyebrows-{side}-{part}": 1.0 for side in ("left", "right") for part in ("up", "extern-up")
    },
    "brows_down": {"eyebrows-left-down": 1.0, "eyebrows-right-down": 1.0},
}
LOOK = np.radians(20.0)  # that the eyes turn at coefficient 1
LOOK_DOWN_CLOSES = 0.45  # share of a blink by which the lids follow a look down
# Degrees that the three bones of a finger bend further than at rest into a fist.
CURL = np.array([74.0, 92.0, 50.0])
STAGES = {"third": 1 / 3, "two_thirds": 2 / 3, "curl": 1.0}
THUMB_ACROSS = (38.0, 14.0)  # degrees at its root: across the palm, and down towards the fingers
THUMB_CURL = (22.0, 40.0)  # degrees of its other two bones
SPREAD = {2: 11.0, 3: 2.0, 4: -8.0, 5: -20.0}  # degrees towards the thumb
GRID = 2.0**-15  # m; finer steps would only make the file larger
NOTHING = 2.0**-14


def expression_directions(
    units: Path,
    base: Array,
    template: Array,
    regions: Array,
    names: list[str],
    mirror: Array,
    bones: Array,
    labels: list[str],
) -> tuple[list[str], Array]:
    """Names and directions (V, 3, E) of faces, then of the left and the right hand.

    Args:
        units: Folder of MakeHuman's expression units, with a folder for each ethnic group.
        base: (V,) vertices of MakeHuman's base mesh.
        template: (V, 3) m, in the T-pose.
        regions: (V,) face regions, as indices into `names`.
        names: Names of the face regions.
        mirror: (V,) the vertex at the mirrored place.
        bones: (V, B) weights of MakeHuman's bones.
        labels: (B,) names of the bones.
    """  # fmt: skip
    found = {
        name: sum(share * _unit(units, unit, base) for unit, share in parts.items())
        for name, parts in FACES.items()
    }
    found["look_left"], found["look_up"] = _looks(template, regions, names)
    found["look_up"] -= LOOK_DOWN_CLOSES * (found["blink_left"] + found["blink_right"])
    for name, move in _hands(template, bones, labels).items():
        found[f"left_{name}"] = move
    for name in [name for name in found if name.startswith("left_")]:
        found["right" + name.removeprefix("left")] = found[name][mirror] * [-1.0, 1.0, 1.0]
    directions = np.stack(list(found.values()), axis=-1)
    directions[np.linalg.norm(directions, axis=1, keepdims=True).repeat(3, 1) < NOTHING] = 0.0
    return list(found), np.round(directions / GRID) * GRID


def _unit(folder: Path, name: str, base: Array) -> Array:
    """(V, 3) m that one unit moves each vertex, the mean of the ethnic groups."""
    moved = np.zeros((20000, 3))
    groups = sorted(path for path in folder.iterdir() if path.is_dir())
    for group in groups:
        with gzip.open(group / f"{name}.target.gz", "rt") as lines:
            rows = np.loadtxt(lines, comments="#")
        moved[rows[:, 0].astype(int)] += 0.1 * rows[:, 1:] / len(groups)
    return moved[base]


def _looks(template: Array, regions: Array, names: list[str]) -> tuple[Array, Array]:
    """(V, 3) m for eyes that look to the person's left, and up."""
    left, up = np.zeros_like(template), np.zeros_like(template)
    for side in ("eye_left", "eye_right"):
        ball = regions == names.index(side)
        d = template[ball] - template[ball].mean(axis=0)
        left[ball] = _turned(d, np.array([0.0, 1.0, 0.0]), LOOK) - d
        up[ball] = _turned(d, np.array([-1.0, 0.0, 0.0]), LOOK) - d
    return left, up


def _hands(template: Array, bones: Array, labels: list[str]) -> dict[str, Array]:
    """Finger directions of the left hand, whose palm faces the ground: (V, 3) each."""
    across, down = THUMB_ACROSS
    thumb = [((0.0, 1.0, 0.0), across), ((1.0, 0.0, 0.0), 0.0), ((0.0, 0.0, 1.0), -down)]
    directions: dict[str, Array] = {}
    for name, fingers in (("index", (2,)), ("fingers", (3, 4, 5))):
        for stage, share in STAGES.items():
            moves = [_bent(template, bones, labels, f, tuple(share * CURL)) for f in fingers]
            directions[f"{name}_{stage}"] = np.sum(moves, axis=0)
    directions["thumb_in"] = _thumb(template, bones, labels, thumb)
    spread = np.zeros_like(template)
    for finger, degrees in SPREAD.items():
        spread += _bent(template, bones, labels, finger, (0.0, 0.0, 0.0), sideways=degrees)
    directions["spread"] = spread
    return directions


def _bent(
    template: Array, bones: Array, labels: list[str], finger: int, curl: tuple[float, float, float],
    sideways: float = 0.0,
) -> Array:  # fmt: skip
    """(V, 3) m that bending one finger moves each vertex."""
    columns = [labels.index(f"finger{finger}-{k}.L") for k in (1, 2, 3)]
    parent = labels.index(f"metacarpal{min(finger, 5) - 1}.L")
    pivots = _pivots(template, bones, [parent, *columns])
    along = pivots[2] - pivots[0]
    along /= np.linalg.norm(along)
    palm = np.array([0.0, -1.0, 0.0])
    hinge = np.cross(along, palm)
    hinge /= np.linalg.norm(hinge)
    turns = [(hinge, np.radians(bend)) for bend in curl]
    first = [(np.array([0.0, 1.0, 0.0]), -np.radians(sideways))] if sideways else []
    return _chain(template, bones, columns, pivots, [[*first, turns[0]], [turns[1]], [turns[2]]])


def _thumb(template: Array, bones: Array, labels: list[str], root: list) -> Array:
    columns = [labels.index(f"finger1-{k}.L") for k in (1, 2, 3)]
    pivots = _pivots(template, bones, [labels.index("wrist.L"), *columns])
    along = pivots[2] - pivots[1]
    along /= np.linalg.norm(along)
    # The thumb bends towards the little finger, -z, and a little towards the palm.
    hinge = np.cross(along, np.array([0.25, -0.45, -1.0]))
    hinge /= np.linalg.norm(hinge)
    first = [(np.array(axis), np.radians(degrees)) for axis, degrees in root]
    rest = [[(hinge, np.radians(degrees))] for degrees in THUMB_CURL]
    return _chain(template, bones, columns, pivots, [first, *rest])


def _pivots(template: Array, bones: Array, columns: list[int]) -> list[Array]:
    """(3,) m: the places between each bone and the next, where both move the skin."""
    places = []
    for above, below in pairwise(columns):
        weight = bones[:, above] * bones[:, below]
        if weight.sum() < 1e-3:  # a knuckle whose own skin follows another bone
            near = bones[:, below] > 0.5
            start = template[near][:, 0].min()
            weight = near * (template[:, 0] < start + 0.006)
        places.append((weight[:, None] * template).sum(axis=0) / weight.sum())
    return places


def _chain(
    template: Array, bones: Array, columns: list[int], pivots: list[Array], turns: list
) -> Array:
    """(V, 3) m: linear blend skinning of a chain of bones, less the rest."""
    rotation, head = np.eye(3), pivots[0]
    moved = np.zeros_like(template)
    for k, column in enumerate(columns):
        if k:
            head = head + rotation @ (pivots[k] - pivots[k - 1])
        for axis, angle in turns[k]:
            rotation = rotation @ _turned(np.eye(3), axis, angle).T
        skin = np.flatnonzero(bones[:, column])
        to = (template[skin] - pivots[k]) @ rotation.T + head
        moved[skin] += bones[skin, column, None] * (to - template[skin])
    return moved


def _turned(points: Array, axis: Array, angle: float) -> Array:
    """Points (N, 3) turned about a unit axis through the origin."""
    sine, cosine = np.sin(angle), np.cos(angle)
    along = points @ axis
    return points * cosine + np.cross(axis, points) * sine + np.outer(along, axis) * (1 - cosine)
