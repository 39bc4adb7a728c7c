"""Faces and fingers of the people of a scene."""

from __future__ import annotations

import dataclasses
import json
from functools import cache

import numpy as np
import pytest

from blender_addon.recipes.recipe import Recipe
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.people import companion_poses
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import BodySpec, SceneSpec, from_plain


@cache
def assets() -> Assets:
    return load_assets(Recipe())


def recipe(expression: float = 1.0, fingers: bool = True) -> Recipe:
    base = Recipe()
    return dataclasses.replace(
        base,
        bodies=dataclasses.replace(base.bodies, expression=expression),
        poses=dataclasses.replace(base.poses, fingers=fingers),
    )


def scenes(expression: float, fingers: bool, count: int = 8) -> list[SceneSpec]:
    return [sample_scene(recipe(expression, fingers), assets(), 5, k) for k in range(count)]


def test_faces_and_fingers_change_nothing_else():
    for plain, acted in zip(scenes(0.0, False), scenes(1.0, True), strict=True):
        assert [len(p.body.expression) for p in plain.persons] == [0] * len(plain.persons)
        assert [p.outfit for p in plain.persons] == [p.outfit for p in acted.persons]
        for one, other in zip(plain.persons, acted.persons, strict=True):
            assert one.body.betas == other.body.betas
            assert one.body.pose[1:22] == other.body.pose[1:22]


def test_people_differ_in_face_and_hands():
    faces = [p.body.expression for s in scenes(1.0, True) for p in s.persons]
    assert len(set(faces)) == len(faces)
    assert all(len(face) <= 27 for face in faces)
    calm = [p.body.expression[:11] for s in scenes(0.0, True) for p in s.persons]
    assert all(not any(face) for face in calm)
    flat = [p.body.expression[11:] for s in scenes(1.0, False) for p in s.persons]
    assert all(not any(hand) for hand in flat)


def test_share_of_expressions_is_the_recipe_s():
    faces = [any(p.body.expression[:11]) for s in scenes(0.5, False, 40) for p in s.persons]
    assert 0.35 < np.mean(faces) < 0.65


def test_a_hand_holds_what_the_pose_holds():
    names = assets().bodies["default"].expression_names
    curled = names.index("left_fingers_curl"), names.index("left_fingers_two_thirds")
    held = [
        p.body.expression
        for s in scenes(1.0, True, 120)
        for p in s.persons
        for prop in s.props
        if prop.owner == p.id and prop.shape == "bicycle"
    ]
    assert held
    assert all(any(face[k] > 0.2 for k in curled) for face in held)


def test_spec_records_the_expression_and_reads_specs_without_it():
    spec = scenes(1.0, True, 1)[0]
    data = json.loads(json.dumps(spec.to_json()))
    assert SceneSpec.from_json(data) == spec
    for person in data["persons"]:
        del person["body"]["expression"]
    old = SceneSpec.from_json(data)
    assert all(p.body.expression == () for p in old.persons)
    with pytest.raises(ValueError, match="unknown key"):
        from_plain(BodySpec, {"mood": 1})


def test_surface_of_a_person_shows_the_expression():
    spec = scenes(1.0, True, 1)[0]
    person = spec.persons[0]
    calm = dataclasses.replace(person, body=dataclasses.replace(person.body, expression=()))
    for style in ("painted", "mesh"):
        acted, still = (
            assets().poser.surface(
                dataclasses.replace(p, outfit=dataclasses.replace(p.outfit, style=style))
            )[0]
            for p in (person, calm)
        )
        skin = 5000  # the first vertices; teeth come last
        assert np.abs(acted[:skin] - still[:skin]).max() > 1e-3


def test_share_of_companions_is_the_recipe_s():
    base = recipe()
    for share, low, high in ((0.0, 0, 0), (0.5, 0.3, 0.7), (1.0, 1, 1)):
        poses = dataclasses.replace(base.poses, companions=share)
        people = dataclasses.replace(base.people, groups=0.0)
        changed = dataclasses.replace(base, poses=poses, people=people)
        names = {pose.name for pose in assets().companions}
        drawn = [
            p.pose_name in names
            for k in range(24)
            for p in sample_scene(changed, assets(), 2, k).persons
        ]
        assert low <= np.mean(drawn) <= high


def test_companions_suit_the_age():
    everyone = dataclasses.replace(
        recipe(), poses=dataclasses.replace(recipe().poses, companions=1.0)
    )
    rng = np.random.default_rng
    child, elder = (
        {prop.partition("@")[0] for pose in
         companion_poses(everyone, assets(), lambda *key: rng(0), 0, age) for prop in pose.props}
        for age in (6.0, 80.0)
    )  # fmt: skip
    assert "scooter" in child - elder
    assert "rollator" in elder - child
    assert "wheelchair" in child & elder
