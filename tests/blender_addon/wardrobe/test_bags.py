"""Bags lie on the clothes, hang from hands, and fit every body."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.skinning import moved
from blender_addon.wardrobe.bags import BAGS
from blender_addon.wardrobe.dressed import Wearable
from blender_addon.wardrobe.items import ITEM_KINDS
from blender_addon.wardrobe.outfit import Garment, Item, Outfit
from blender_addon.wardrobe.worn_part import Fitting

HELD = sorted(kind for kind, row in ITEM_KINDS.items() if row.slot == "hand")


@pytest.fixture(scope="module", params=["adult", "child", "heavy"])
def fitting(request, body, chart):
    samples = body.shape_samples
    near = np.argsort(np.abs(samples.age - {"adult": 30, "child": 5, "heavy": 50}[request.param]))
    betas = samples.betas[near[0]]
    if request.param == "heavy":
        shapes = [body.shape_blend(samples.betas[i])[0] for i in near[:30]]
        betas = samples.betas[near[int(np.argmax([np.ptp(v[:, 2]) for v in shapes]))]]
    return Fitting(body, chart, *body.shape_blend(betas))


def posed(fitting: Fitting, part, pose: np.ndarray) -> np.ndarray:
    body = fitting.model
    R = _rotations(pose)
    G_rel = body.relative_transforms(
        body.kinematic_chain(R, fitting.joint_places), fitting.joint_places
    )
    return moved(part.vertices, part.transforms(G_rel, (0.0, 1.0, 0.0)))


def _rotations(pose: np.ndarray) -> np.ndarray:
    from blender_addon.bodies.rotations import rodrigues

    return rodrigues(pose)


@pytest.mark.parametrize("kind", sorted(BAGS))
@pytest.mark.parametrize("variant", [0.05, 0.95])
def test_parts_are_sound(fitting, kind, variant):
    (part,) = BAGS[kind](fitting, Item(kind, variant=variant))
    (again,) = BAGS[kind](fitting, Item(kind, variant=variant))
    assert np.array_equal(part.vertices, again.vertices)
    assert np.isfinite(part.vertices).all()
    assert part.faces.max() < len(part.vertices) == len(part.joints) == len(part.weights)
    assert np.allclose(part.weights.sum(axis=1), 1, atol=1e-4)
    assert len(part.faces) <= 1000


@pytest.mark.parametrize("turn", [0.0, 1.2, -0.7])
@pytest.mark.parametrize("kind", sorted(set(HELD) - {"phone", "cup"}))
def test_what_a_hand_holds_hangs_below_it(fitting, kind, turn):
    body = fitting.model
    pose = np.zeros((body.num_joints, 3))
    pose[body.joint_names.index("left_shoulder")] = [0.2, 0.1, -turn]
    (part,) = BAGS[kind](fitting, Item(kind, variant=0.2))
    vertices = posed(fitting, part, pose)
    held, _ = part.hangs
    hand = moved(
        held[None].astype(np.float32),
        part.transforms(
            body.relative_transforms(
                body.kinematic_chain(_rotations(pose), fitting.joint_places), fitting.joint_places
            ),
            (0.0, 1.0, 0.0),
        )[:, :1],
    )[0]
    below = hand[1] - vertices[:, 1]
    assert below.min() > -0.07 * fitting.scale - 0.03
    assert below.max() > 0.25 * fitting.scale
    # Its weight is under the hand.
    assert np.abs(vertices[:, [0, 2]].mean(axis=0) - hand[[0, 2]]).max() < 0.06


def test_both_hands_can_hold(fitting):
    left, right = (BAGS["handbag"](fitting, Item("handbag", variant=v))[0] for v in (0.2, 0.7))
    assert left.vertices[:, 0].min() > 0 > right.vertices[:, 0].max()
    assert np.allclose(left.vertices * [-1, 1, 1], right.vertices, atol=0.02)


def test_a_strap_lies_on_the_coat_and_crosses_the_chest(body, chart):
    coat = Garment("jacket", hem=-0.1, sleeve=1.0, neck=-0.02, looseness=1.0)
    item = Item("shoulder bag", variant=0.1)
    bare, dressed = (
        Wearable(body, chart, (), Outfit(garments=worn, items=(item,), style="mesh"))._items[0]
        for worn in ((), (coat,))
    )
    middle = np.abs(bare.vertices[:, 0]) < 0.03
    ahead = dressed.vertices[middle & (bare.vertices[:, 2] > 0)]
    assert (ahead[:, 2] > bare.vertices[middle & (bare.vertices[:, 2] > 0), 2] + 0.005).all()
    assert bare.vertices[:, 0].min() < -0.06  # over the right shoulder
    assert bare.vertices[:, 0].max() > 0.12  # to the left hip


def test_a_backpack_is_behind_the_back_with_straps_in_front(fitting):
    (part,) = BAGS["backpack"](fitting, Item("backpack", variant=0.5))
    spine = fitting.joint("spine3")
    back, front = part.vertices[:, 2] < spine[2] - 0.05, part.vertices[:, 2] > spine[2] + 0.03
    assert back.sum() > 150 < front.sum() * 4
    names = fitting.model.joint_names
    main = np.array(names)[part.joints[np.arange(len(part.joints)), part.weights.argmax(axis=1)]]
    assert not {name for name in set(main) if name.split("_")[-1] in ("hip", "elbow", "head")}
