"""Things of packs are worn: on the person's shape, in their materials, over each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon.bodies.model import BodyModel
from blender_addon.packs.text_files import PackError
from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.items import parts_of
from blender_addon.wardrobe.outfit import Item, plain_outfit
from blender_addon.wardrobe.part_layers import settled
from blender_addon.wardrobe.worn_part import Fitting, WornPart
from tests.blender_addon.packs.garment_files import write_garment

Chart = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "cache"))


def fitting_of(body: BodyModel, chart: Chart, number: int = 7) -> Fitting:
    betas = np.asarray(body.shape_samples.betas[number], dtype=np.float64)  # type: ignore[union-attr]
    shaped, joints = body.shape_blend(betas)
    return Fitting(body, chart, shaped, joints, betas=betas)


def test_a_garment_of_a_pack_is_worn(body: BodyModel, chart: Chart, tmp_path: Path) -> None:
    path = write_garment(tmp_path / "pack" / "clothes", tail="delete_verts\n1400 - 1500\n")
    item = Item("pack", str(path), 0.0, ((0.5, 1.0, 0.5),))
    fitting = fitting_of(body, chart)
    (part,) = parts_of(fitting, [item])
    assert part.name == "vest"
    assert part.surface.color_image == str(path.with_suffix(".png"))
    assert part.surface.cut_out
    assert part.color[0].tolist() == [0.25, 0.25, 0.5]  # of the material times the item's
    assert part.hides.shape == (len(body.faces),)
    apart = np.linalg.norm(part.vertices[1] - fitting.shaped, axis=1).min()
    assert 0.0015 < apart < 0.003  # it is bound to one vertex of the skin, and pushed off it


def test_a_dressed_person_wears_it(body: BodyModel, chart: Chart, tmp_path: Path) -> None:
    path = write_garment(tmp_path / "pack" / "hair", "wig")
    outfit = replace(plain_outfit(), style="mesh", items=(Item("pack", str(path)),))
    wearable = Wearable(body, chart, np.zeros(body.num_betas), outfit)
    dressed = wearable.posed(np.zeros((24, 3)), np.zeros(3))
    assert len(dressed.surfaces) == 1
    assert (dressed.material == len(MATERIALS)).sum() == 2
    assert dressed.surfaces[0].kind == "hair"


def test_variants_are_materials(body: BodyModel, chart: Chart, tmp_path: Path) -> None:
    path = write_garment(tmp_path / "pack" / "clothes")
    (path.parent / "plain.mhmat").write_text("name plain\ndiffuseColor 1 0 0\n")
    fitting = fitting_of(body, chart)
    first, second = (
        parts_of(fitting, [Item("pack", str(path), variant)])[0] for variant in (0.0, 0.9)
    )
    assert first.surface.color_image
    assert not second.surface.color_image
    assert second.color[0].tolist() == [1, 0, 0]


def test_a_damaged_file_is_named(body: BodyModel, chart: Chart, tmp_path: Path) -> None:
    path = write_garment(tmp_path / "pack" / "clothes")
    path.write_text("verts 0\n1 2 x\n")
    with pytest.raises(PackError, match=r"vest\.mhclo:2: expected"):
        parts_of(fitting_of(body, chart), [Item("pack", str(path))])


def layer(which: np.ndarray, offset: float, depth: int, fitting: Fitting) -> WornPart:
    n = fitting.chart["normal"][which]
    count = len(which)
    faces = np.stack([np.arange(count)] * 3, axis=1).astype(np.int32)
    joints, weights = fitting.rigid("spine2", count)
    return WornPart(
        "cloth",
        (fitting.shaped[which] + offset * n).astype(np.float32),
        faces,
        np.zeros((count, 3, 2), np.float32),
        np.ones((count, 3), np.float32),
        joints,
        weights,
        np.zeros(count, np.int32),
        near=which.astype(np.int32),
        depth=depth,
    )


def test_outer_layers_come_out_of_inner_ones(body: BodyModel, chart: Chart) -> None:
    fitting = fitting_of(body, chart)
    which = np.flatnonzero((chart["level"] > 0.3) & (chart["level"] < 0.7) & (chart["arm"] < -0.2))
    inner = layer(which, 0.010, 2, fitting)
    outer = layer(which, 0.004, 5, fitting)
    found_outer, found_inner = settled(fitting, [outer, inner])
    assert np.array_equal(found_inner.vertices, inner.vertices)
    apart = np.einsum("ij,ij->i", found_outer.vertices - inner.vertices, chart["normal"][which])
    assert np.percentile(apart, 5) > 0.003
    assert apart.max() < 0.02


def test_hair_goes_into_a_hat(body: BodyModel, chart: Chart) -> None:
    fitting = fitting_of(body, chart)
    top = np.flatnonzero(chart["head"][:, 1] > 0.4)
    hat = replace(layer(top, 0.012, 0, fitting), near=None, replaces=("hat",))
    hair = replace(layer(top, 0.05, 0, fitting), near=None, replaces=("hair",))
    _, found = settled(fitting, [hat, hair])
    middle = fitting.joint("head")
    before = np.linalg.norm(hair.vertices - middle, axis=1)
    after = np.linalg.norm(found.vertices - middle, axis=1)
    roof = np.linalg.norm(hat.vertices - middle, axis=1)
    assert np.mean(after < roof) > 0.95
    assert np.mean(before > roof) > 0.95
