"""Groups: people who talk, walk in step, hold hands, hug, queue, share a bench, carry a child."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from blender_addon.bodies.library import default_body
from blender_addon.bodies.posed_body import PALM, leg_length
from blender_addon.bodies.reach import reach, world_frames
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset
from blender_addon.scene import groups
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.group_members import Placed
from blender_addon.scene.groups import KINDS, _Draw, member_of, sample_group
from blender_addon.scene.placement import facing
from blender_addon.scene.resampling import resample
from blender_addon.scene.sampling import sample_scene, streams


@cache
def loaded() -> tuple[Recipe, Assets]:
    recipe = load_preset("everyday")
    people = dataclasses.replace(recipe.people, groups=1.0)
    recipe = dataclasses.replace(recipe, people=people)
    return recipe, load_assets(recipe)


def drawn(kind: str, index: int) -> list[Placed]:
    recipe, assets = loaded()
    stream = streams(recipe, 3, index)
    size = KINDS[kind].sizes[1]
    draw = _Draw(recipe, assets, stream, 0, size, stream("group", 0))
    return [Placed(assets, member) for member in KINDS[kind].lay_out(draw)]


def palm(person: Placed, side: str) -> np.ndarray:
    """Middle of the palm, m, in the frame of the group."""
    wrist, elbow = person.joint(f"{side}_wrist"), person.joint(f"{side}_elbow")
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    return wrist + PALM * person.scale * along


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", range(3))
def test_a_group_is_drawn_again_from_its_numbers(kind, index):
    one, other = drawn(kind, index), drawn(kind, index)
    assert [a.member.drawn.spec for a in one] == [b.member.drawn.spec for b in other]
    assert KINDS[kind].sizes[0] <= len(one) <= KINDS[kind].sizes[1]


@pytest.mark.parametrize("index", range(4))
def test_people_who_talk_face_each_other(index):
    people = drawn("talk", index)
    middle = np.mean([p.member.place for p in people], axis=0)
    for person in people:
        angle = np.radians(person.member.turn + facing(person.member.drawn.spec.body.pose[0]))
        looks = np.array([np.sin(angle), -np.cos(angle)])
        to_middle = middle - person.member.place
        assert looks @ to_middle / np.linalg.norm(to_middle) > 0.7


@pytest.mark.parametrize("kind", ["hand_in_hand", "child_by_the_hand"])
@pytest.mark.parametrize("index", range(6))
def test_hands_meet(kind, index):
    first, second = drawn(kind, index)
    assert np.linalg.norm(palm(first, "left") - palm(second, "right")) < 0.13
    if kind == "child_by_the_hand":
        assert second.height < first.height


def test_people_walk_in_step():
    people = drawn("walk", 1)
    assert len({p.member.drawn.spec.pose_name for p in people}) == 1
    assert np.ptp([p.member.turn for p in people]) < 20


@pytest.mark.parametrize("index", range(4))
def test_people_on_a_bench_sit_on_it(index):
    people = drawn("bench", index)
    bench = next(prop for p in people for prop in p.member.drawn.props if prop.shape == "bench")
    seat = bench.size[2] * 0.55
    for person in people:
        assert person.joint("pelvis")[2] == pytest.approx(seat + 0.13, abs=0.1)
        assert abs(person.member.place[0]) < bench.size[0] / 2


@pytest.mark.parametrize("index", range(4))
def test_a_child_on_the_arm_is_held(index):
    adult, child = drawn("child_on_the_arm", index)
    assert child.height < adult.height + 0.25
    assert child.member.drawn.joints[:, 2].min() > 0.2
    hand = palm(adult, "left")
    assert np.linalg.norm(hand - child.joint("pelvis")) < 0.3


def test_bodies_do_not_go_through_each_other():
    """Spines of a group stay further apart than a spine is thick."""
    for kind in KINDS:
        for index in range(4):
            people = drawn(kind, index)
            for k, one in enumerate(people):
                for other in people[:k]:
                    apart = one.joint("spine2") - other.joint("spine2")
                    assert np.linalg.norm(apart) > 0.17 * (one.scale + other.scale) / 2, kind


def test_share_of_groups_is_the_recipe_s():
    recipe, assets = loaded()
    nobody = dataclasses.replace(recipe, people=dataclasses.replace(recipe.people, groups=0.0))
    stream = streams(recipe, 0, 0)
    assert sample_group(nobody, assets, stream, 0, 4) == []
    assert sample_group(recipe, assets, stream, 0, 1) == [], "nobody is left to come with"
    assert len(sample_group(recipe, assets, stream, 0, 4)) >= 2


def test_a_group_stays_together_in_the_scene():
    recipe, assets = loaded()
    together = 0
    for index in range(12):
        spec = sample_scene(recipe, assets, 5, index)
        assert [p.id for p in spec.persons] == list(range(1, len(spec.persons) + 1))
        places = np.array([assets.poser.pose(p).joints[0] for p in spec.persons])
        if len(places) > 1:
            gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
            gaps[np.diag_indices(len(gaps))] = 99
            together += gaps.min() < 1.4
        for person in spec.persons:
            lowest = assets.poser.pose(person).vertices[:, 2].min()
            assert lowest > -1e-3, "nobody sinks"
    assert together >= 4


def test_a_redrawn_pose_of_a_member_is_the_group_s():
    recipe, assets = loaded()
    found = 0
    for index in range(8):
        spec = sample_scene(recipe, assets, 5, index)
        if len(spec.persons) < 2:
            continue
        again = resample(spec, "pose", recipe, assets, 5, index)
        member = member_of(recipe, assets, streams(recipe, 5, index), 0)
        if member is None:
            continue
        found += 1
        old, new = spec.persons[0], again.persons[0]
        np.testing.assert_allclose(new.body.pose[1:], old.body.pose[1:], atol=1e-9)
    assert found >= 3


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_arm_reaches_its_target(side):
    body = default_body()
    sign = 1.0 if side == "left" else -1.0
    row = body.joint_names.index(f"{side}_wrist")
    size = leg_length(body.rest_joints()[:24]) / 0.87
    for target in ([0.35, -0.2, 0.1], [0.1, 0.0, 0.4], [0.3, -0.25, -0.15]):
        goal = np.array(target) * [sign, 1.0, 1.0]
        pose = reach(body, (), np.zeros((24, 3)), np.zeros(3), side, goal,
                     np.array([0.3 * sign, -1.0, -0.5]), np.array([-sign, 0.0, 0.0]))  # fmt: skip
        rotations, places = world_frames(body, (), pose, np.zeros(3))
        hand = places[row] + rotations[row] @ [sign * PALM * size, 0.0, 0.0]
        np.testing.assert_allclose(hand, goal, atol=0.02)
        assert (rotations[row] @ [0.0, -1.0, 0.0]) @ [-sign, 0.0, 0.0] > 0.2


def test_arm_that_is_too_short_stretches_towards_the_target():
    body = default_body()
    goal = np.array([0.0, -0.2, 3.0])
    pose = reach(body, (), np.zeros((24, 3)), np.zeros(3), "left", goal,
                 np.array([0.0, -1.0, 0.0]), np.array([-1.0, 0.0, 0.0]))  # fmt: skip
    _, places = world_frames(body, (), pose, np.zeros(3))
    shoulder, elbow, wrist = (
        places[body.joint_names.index(f"left_{n}")] for n in ("shoulder", "elbow", "wrist")
    )
    one, two = elbow - shoulder, wrist - elbow
    assert one @ two / np.linalg.norm(one) / np.linalg.norm(two) > 0.85
    assert np.isfinite(pose).all()


def test_kinds_without_poses_leave_people_alone():
    recipe, assets = loaded()
    none = dataclasses.replace(assets, poses=tuple(p for p in assets.poses if p.support == "lie"))
    for kind in ("talk", "walk", "hug", "queue", "bench", "hand_in_hand"):
        stream = streams(recipe, 0, 1)
        draw = _Draw(recipe, none, stream, 0, 2, stream("group", 0))
        assert groups.KINDS[kind].lay_out(draw) == []
