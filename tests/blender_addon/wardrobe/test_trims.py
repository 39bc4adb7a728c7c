"""Edges of cloth are smooth, and trims lie where a tailor sews them."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.model import BodyModel
from blender_addon.wardrobe.body_tables import tables_of
from blender_addon.wardrobe.borders import smoothing
from blender_addon.wardrobe.chart import REFERENCE_HEIGHT
from blender_addon.wardrobe.cloth_layers import cloth_layers
from blender_addon.wardrobe.coverage import numpy_chart
from blender_addon.wardrobe.cut_mesh import cut
from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.garments import KINDS
from blender_addon.wardrobe.outfit import Garment, Hair, Outfit
from blender_addon.wardrobe.tailoring import TRIMS
from blender_addon.wardrobe.trims import Sewing

BALD = Hair("bald", volume=0.0)


def garment(kind: str, **changes: float) -> Garment:
    k = KINDS[kind]
    middle = {n: sum(getattr(k, n)) / 2 for n in ("hem", "waist", "sleeve", "neck", "depth")}
    return Garment(kind, slope=k.slope, **{**middle, "opening": -99.0, **changes})


def sewing(body: BodyModel, chart: dict, worn: Garment, betas: tuple = (0.0,)) -> Sewing:
    shaped, _ = body.shape_blend(betas)
    (layer,) = cloth_layers(chart, Outfit(hair=BALD, garments=(worn,)), shaped)
    scale = float(np.ptp(shaped[:, 1])) / REFERENCE_HEIGHT
    bare = np.full(len(shaped), -1.0)
    c = numpy_chart(chart)
    return Sewing(c, tables_of(body, chart), shaped, layer, scale, 0.3, bare)


def places(of: Sewing, trim) -> np.ndarray:
    first, second = of.shaped[trim.ends[:, 0]], of.shaped[trim.ends[:, 1]]
    return first + trim.share[:, None] * (second - first) + trim.offset


def roughness(points: np.ndarray, border: np.ndarray) -> float:
    """Mean turn (rad) between an edge of a border and the next."""
    after = dict(border.tolist())
    a = np.array([[i, j, after[j]] for i, j in border.tolist() if j in after])
    one, two = points[a[:, 1]] - points[a[:, 0]], points[a[:, 2]] - points[a[:, 1]]
    cos = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    return float(np.arccos(np.clip(cos, -1, 1)).mean())


def test_a_smoothed_neckline_turns_less_and_stays_where_it_is(body, chart):
    of = sewing(body, chart, garment("t-shirt"))
    piece = cut(body.faces, of.layer.field)
    points = piece.values(of.surface)
    shift = smoothing(points, piece.faces, piece.border)
    assert roughness(points + shift, piece.border) < 0.7 * roughness(points, piece.border)
    length = np.linalg.norm(shift, axis=1)
    assert 0.0005 < length.max() < 0.025
    assert (length > 0).mean() < 0.3


@pytest.mark.parametrize("name", TRIMS)
def test_every_trim_lies_on_its_garment(body, chart, name):
    kind = next((k for k, v in KINDS.items() if name in v.trims), None)
    if kind is None:
        pytest.skip("no kind wears it")
    depth = {"lapels": 0.25}.get(name, garment(kind).depth)
    sleeve = {"sleeve hem": 0.35, "cuffs": 0.95}.get(name, garment(kind).sleeve)
    of = sewing(body, chart, garment(kind, depth=depth, sleeve=sleeve, hem=KINDS[kind].hem[0]))
    trims = [*TRIMS[name](of)]
    if name != "belt":  # not everybody wears one
        assert trims
    for trim in trims:
        assert len(trim.faces) > 0 and len(trim.faces) < 3000
        assert trim.faces.max() < len(trim.ends)
        assert np.isfinite(trim.offset).all()
        assert np.linalg.norm(trim.offset, axis=1).max() < 0.16
        assert trim.source.min() >= 0 and trim.source.max() < len(body.faces)


@pytest.mark.parametrize("betas", [(0.0,), (2.0, 1.5), (-2.0, -1.0)])
def test_a_shirt_collar_stands_around_the_neck(body, chart, betas):
    of = sewing(body, chart, garment("shirt"), betas)
    (collar,) = TRIMS["shirt collar"](of)
    points = places(of, collar)
    neck = of.shaped[np.abs(chart["neck"] - of.garment.neck) < 0.01]
    middle = neck.mean(axis=0)
    assert points[:, 0].min() < neck[:, 0].min() and points[:, 0].max() > neck[:, 0].max()
    assert np.linalg.norm(points - middle, axis=1).max() < 0.2 * of.scale
    # It is open in front, and its faces look outwards.
    in_front = points[np.abs(points[:, 0]) < 0.004 * of.scale]
    assert (in_front[:, 2] < middle[2]).all()


def test_a_belt_hides_under_a_shirt_that_hangs_over_it(body, chart):
    of = sewing(body, chart, garment("jeans"))
    object.__setattr__(of, "seed", 0.1)
    assert TRIMS["belt"](of)
    object.__setattr__(of, "above", np.ones(len(of.shaped)))
    assert not TRIMS["belt"](of)


def test_trims_follow_the_pose(body, chart):
    shirt = garment("shirt", hem=-0.05)
    wearable = Wearable(body, chart, (0.0,), Outfit(hair=BALD, garments=(shirt,), style="mesh"))
    pose = np.zeros((body.num_joints, 3))
    pose[0] = [np.pi / 2, 0, 0]
    pose[body.joint_names.index("left_elbow"), 1] = -1.2
    dressed = wearable.posed(pose, (0, 0, 0))
    count = len(wearable._sewn.share)
    trims = dressed.vertices[-count:]
    cloth = np.unique(dressed.faces[dressed.material == MATERIALS.index("top")])
    cloth = dressed.vertices[cloth[cloth < len(dressed.vertices) - count]]
    away = [np.linalg.norm(cloth - point, axis=1).min() for point in trims[::9]]
    assert max(away) < 0.05


def test_every_name_of_a_trim_is_known():
    assert {name for kind in KINDS.values() for name in kind.trims} <= set(TRIMS)
