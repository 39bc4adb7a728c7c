"""Garments are fitted exactly to the default body, and to bodies of another topology nearly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.bodies.rotations import rodrigues
from blender_addon.bodies.skinning import moved
from blender_addon.packs.fit import FittedItem, fit, fit_item
from blender_addon.packs.helper_mesh import helper_mesh
from blender_addon.packs.mhclo import BASE_VERTICES, Clothes
from blender_addon.packs.nearest import nearest, nearest_few
from blender_addon.packs.obj_mesh import ObjMesh
from blender_addon.packs.regions import layers_of, regions_of
from blender_addon.packs.text_files import PackError
from tests.blender_addon.packs.garment_files import write_garment


def bound(references: np.ndarray, offsets: float = 0.0, **more: object) -> Clothes:
    """A garment whose vertices sit on vertices of the base mesh."""
    count = len(references)
    return replace(
        Clothes(
            path=Path("test.mhclo"),
            name="test",
            obj_file="",
            material="",
            tags=(),
            author="",
            licence="",
            z_depth=50,
            references=np.stack([references] * 3, axis=1).astype(np.int32),
            weights=np.tile([1.0, 0.0, 0.0], (count, 1)),
            offsets=np.full((count, 3), offsets),
            scales=(None, None, None),
            deleted=np.zeros(0, np.int32),
        ),
        **more,
    )


def mesh_of(count: int) -> ObjMesh:
    faces = np.stack([np.arange(count - 2), np.arange(1, count - 1), np.arange(2, count)], axis=1)
    none = np.zeros((len(faces), 3, 2), np.float32)
    return ObjMesh(np.zeros((count, 3)), faces.astype(np.int32), none, np.arange(count - 2), False)


def fitted(clothes: Clothes, model: BodyModel) -> FittedItem:
    return fit(clothes, mesh_of(len(clothes.references)), model)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return default_body()


@pytest.fixture(scope="module")
def other(body: BodyModel) -> BodyModel:
    """A body with its vertices in another order and places, without eyeballs, of another shape."""
    betas = np.zeros(body.num_betas)
    betas[:3] = [1.0, -0.7, 0.5]
    shape = np.asarray(body.shape_blend(betas)[0], dtype=np.float64)
    faces = np.asarray(body.faces)
    skin = np.random.default_rng(3).permutation(13_348)
    number = np.full(body.num_vertices, -1)
    number[skin] = np.arange(len(skin))
    kept = (number[faces] >= 0).all(axis=1)
    along = shape[faces[:, 1]] - shape[faces[:, 0]]  # vertices slide along an edge, on the surface
    shape[faces[:, 0]] += 0.3 * along
    waves = 0.006 * np.sin(shape[:, [1, 2, 0]] * 40.0)
    regressor = np.asarray(body.J_regressor)[:, skin]
    return BodyModel(
        name="other",
        family="smpl",
        gender="neutral",
        v_template=(shape + waves)[skin] + [0.0, 0.1, 0.0],
        faces=number[faces[kept]],
        shapedirs=np.asarray(body.shapedirs)[skin][:, :, :10],
        posedirs=np.zeros((len(skin), 3, 0), np.float32),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        weights=np.asarray(body.weights)[skin],
        parents=body.parents,
        joint_names=body.joint_names,
    )


def test_what_sits_on_the_skin_stays_on_it(body: BodyModel) -> None:
    """Through the A-pose and back, for any betas and pose."""
    some = np.arange(0, 13_000, 97)
    item = fitted(bound(helper_mesh().base[some]), body)
    betas = body.shape_samples.betas[7]  # type: ignore[union-attr]
    skin, joints = body.shape_blend(betas)
    assert np.abs(item.shaped(betas) - skin[some]).max() < 1e-5
    pose = np.random.default_rng(0).normal(0, 0.4, (24, 3))
    whole = body.pose(betas, pose).vertices[some]
    G_rel = body.relative_transforms(body.kinematic_chain(rodrigues(pose), joints), joints)
    by_joint = G_rel.reshape(24, 12).astype(np.float32)
    A = np.einsum("nk,nkr->rn", item.weights, by_joint[item.joints])
    assert np.abs(moved(item.shaped(betas), A) - whole).max() < 1e-4


def test_the_nearest_vertex_is_the_one_it_sits_on(body: BodyModel) -> None:
    some = np.arange(0, 13_000, 97)
    item = fitted(bound(helper_mesh().base[some]), body)
    apart = np.linalg.norm(body.v_template[item.near] - body.v_template[some], axis=1)
    assert apart.max() < 1e-4


def test_offsets_grow_with_the_body(body: BodyModel) -> None:
    """An offset of 0.1 dm is 1 cm on a grown-up, and less on a child."""
    some = helper_mesh().base[[4000, 5000, 6000]]
    on, off = (fitted(bound(some, offset), body) for offset in (0.0, 0.1))
    ages = body.shape_samples.age  # type: ignore[union-attr]
    lengths = {}
    for name, at in (("child", np.argmin(ages)), ("adult", np.argmin(np.abs(ages - 40)))):
        betas = body.shape_samples.betas[at]  # type: ignore[union-attr]
        lengths[name] = np.linalg.norm(off.shaped(betas) - on.shaped(betas), axis=1).mean()
    assert 0.013 < lengths["adult"] < 0.022
    assert lengths["child"] < 0.9 * lengths["adult"]


def test_helpers_are_symmetric() -> None:
    helper = helper_mesh()
    v = helper.vertices[0]
    assert v.shape == (BASE_VERTICES, 3)
    back = nearest(v * [-1, 1, 1], v)
    assert np.abs(v[back] - v * [-1, 1, 1]).max() < 2e-3
    assert np.allclose(helper.weights.sum(axis=1), 1)


def test_deleted_vertices_hide_all_faces_at_them(body: BodyModel) -> None:
    """Vertices that the garment, here a second skin, deletes take their faces along."""
    base = helper_mesh().base
    deleted = base[[100, 2000]].astype(np.int32)
    none = np.zeros((len(body.faces), 3, 2), np.float32)
    mesh = ObjMesh(body.v_template, body.faces, none, np.arange(len(body.faces)), False)
    item = fit(bound(base, deleted=deleted), mesh, body)
    at = np.isin(body.faces, [100, 2000]).any(axis=1)
    assert np.array_equal(item.hides, at)
    assert at.any()


def test_skin_without_cloth_over_it_is_seen(body: BodyModel) -> None:
    base = helper_mesh().base
    item = fitted(bound(base[:10], deleted=base[[2000]].astype(np.int32)), body)
    assert not item.hides.any()


def test_skirts_follow_both_legs_in_the_middle(body: BodyModel) -> None:
    skirt = np.arange(18002, 18722)
    item = fitted(bound(skirt), body)
    low = item.template[:, 1] < body.rest_joints()[1, 1] - 0.14
    middle = low & (np.abs(item.template[:, 0]) < 0.004)
    assert middle.any()
    share = {}
    for side in ("left", "right"):
        names = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "foot")]
        of_leg = np.isin(item.joints, [body.joint_names.index(name) for name in names])
        share[side] = (item.weights * of_leg).sum(axis=1)
    assert np.abs(share["left"] - share["right"])[middle].max() < 0.06
    far_left = low & (item.template[:, 0] > 0.12)
    assert (share["left"] - share["right"])[far_left].min() > 0.3


def test_hair_does_not_follow_the_arms(body: BodyModel) -> None:
    upper = np.flatnonzero(body.weights[:, body.joint_names.index("left_collar")] > 0.3)[:40]
    arms = [i for i, name in enumerate(body.joint_names) if name.endswith(("collar", "shoulder"))]
    cloth, hair = (
        fitted(bound(helper_mesh().base[upper], path=Path(folder) / "a" / "a.mhclo"), body)
        for folder in ("clothes", "hair")
    )
    for item, expected in ((cloth, True), (hair, False)):
        follows = (item.weights * np.isin(item.joints, arms)).sum(axis=1) > 0.01
        assert follows.any() == expected


def test_skirts_hide_the_legs_inside_of_them(body: BodyModel) -> None:
    item = fitted(bound(np.arange(18002, 18722)), body)
    hip = body.rest_joints()[1]
    middle = body.v_template[np.asarray(body.faces)[item.hides]].mean(axis=1)
    assert len(middle) > 500
    assert middle[:, 1].max() < hip[1] + 0.02
    assert middle[:, 1].min() > item.template[:, 1].min()


def test_trousers_follow_each_leg(body: BodyModel) -> None:
    """Their weights stay those of the skin, and they hide what their file says."""
    v, joints = body.v_template, body.rest_joints()
    legs = (v[:, 1] < joints[1, 1]) & (v[:, 1] > joints[7, 1]) & (np.abs(v[:, 0]) < 0.4)
    some = np.flatnonzero(legs)
    item = fitted(bound(helper_mesh().base[some]), body)
    assert not item.hides.any()
    dense = np.zeros((len(some), body.num_joints))
    np.put_along_axis(dense, item.joints, item.weights, axis=1)
    assert np.abs(dense - body.weights[some]).max() < 1e-3


def test_a_garment_on_a_body_of_another_topology(body: BodyModel, other: BodyModel) -> None:
    some = np.arange(0, 13_000, 61)
    base = helper_mesh().base
    item = fitted(bound(base[some], deleted=base[3000:6000].astype(np.int32)), other)
    betas = np.array([0.5, -1.0, 0.8])
    skin, _ = other.shape_blend(betas)
    apart = np.linalg.norm(item.shaped(betas) - skin[nearest(item.shaped(betas), skin)], axis=1)
    assert np.mean(apart) < 0.006
    assert np.percentile(apart, 99) < 0.03
    assert item.hides.shape == (len(other.faces),)
    assert 0 < item.hides.sum() < 6000
    assert item.joints.max() < other.num_joints
    assert np.allclose(item.weights.sum(axis=1), 1, atol=1e-5)


def test_a_garment_far_off_is_refused(body: BodyModel) -> None:
    with pytest.raises(PackError, match="more than 5 m off the body"):
        fitted(bound(helper_mesh().base[:10], offsets=900.0), body)


def test_a_mesh_of_another_size_is_refused(garment: Path, body: BodyModel) -> None:
    mesh = garment.with_suffix(".obj")
    mesh.write_text(mesh.read_text() + "v 9 9 9\n")
    with pytest.raises(PackError, match="binds 4 vertices, its mesh has 5"):
        fit_item(garment, body)


def test_a_file_is_fitted(tmp_path: Path, body: BodyModel) -> None:
    item = fit_item(write_garment(tmp_path / "a" / "b"), body)
    assert item.template.shape == (4, 3)
    assert item.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert item.uv[0].tolist() == [[0, 0], [1, 0], [1, 1]]


def test_regions(body: BodyModel) -> None:
    base, v = helper_mesh().base, body.v_template
    joints = dict(zip(body.joint_names, body.rest_joints(), strict=True))
    below_waist = v[:, 1] < joints["spine1"][1]
    above_ankles = v[:, 1] > joints["left_ankle"][1] + 0.02
    trousers = bound(base[below_waist & above_ankles & (np.abs(v[:, 0]) < 0.4)])
    assert regions_of(trousers) == ("hips", "legs")
    skirt = bound(np.arange(18002, 18722))
    assert "skirt" in regions_of(skirt)
    torso = (v[:, 1] > joints["spine1"][1]) & (v[:, 1] < joints["neck"][1])
    assert regions_of(bound(base[torso & (np.abs(v[:, 0]) < 0.15)])) == ("torso",)


@pytest.mark.parametrize(
    ("kind", "regions", "name", "layers"),
    [
        ("clothes", ("hips", "legs"), "jeans", ("bottom",)),
        ("clothes", ("torso", "skirt"), "dress", ("bottom", "top", "outer")),
        ("clothes", ("torso", "skirt"), "Coat", ("top", "outer")),
        ("clothes", ("arms",), "sleeve", ()),
        ("shoes", ("feet",), "shoes", ("socks", "shoes")),
        ("hair", ("head", "torso"), "long", ("hair",)),
        ("eyebrows", ("head",), "brow", ("eyebrows",)),
    ],
)
def test_layers(kind: str, regions: tuple[str, ...], name: str, layers: tuple[str, ...]) -> None:
    assert layers_of(kind, regions, name) == layers


def test_nearest_points() -> None:
    rng = np.random.default_rng(1)
    points, among = rng.normal(size=(50, 3)), rng.normal(size=(300, 3))
    apart = np.linalg.norm(points[:, None] - among[None], axis=2)
    assert np.array_equal(nearest(points, among), apart.argmin(axis=1))
    assert np.array_equal(nearest_few(points, among, 3), np.argsort(apart, axis=1)[:, :3])
