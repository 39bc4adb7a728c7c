"""Faces and hands are found where the joints are projected, on their own person alone."""

from dataclasses import replace

import numpy as np

from blender_addon import load_preset
from blender_addon.scene.assets import load_assets
from blender_addon.scene.camera import project
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.skin_places import faces_and_hands


def test_discs_lie_on_heads_and_hands_of_their_own_person():
    recipe = load_preset("everyday").with_render(width=192, height=192)
    assets = load_assets(recipe)
    spec = sample_scene(recipe, assets, 7, 4)
    person = spec.persons[0]
    everywhere = np.full((192, 192), person.id, np.uint8)
    only = replace(spec, persons=(person,))
    found = faces_and_hands(only, everywhere, assets.poser)
    assert 0 < found.mean() < 0.2
    assert not faces_and_hands(only, np.zeros_like(everywhere), assets.poser).any()
    assert not faces_and_hands(only, everywhere + 1, assets.poser).any()
    names = assets.bodies[person.body.model].joint_names
    joints = np.asarray(assets.poser.pose(person).joints)
    for name in ("head", "left_wrist", "right_wrist"):
        pixels, _ = project(joints[names.index(name)], spec.camera, 192, 192)
        x, y = pixels.astype(int)
        if 0 <= x < 192 and 0 <= y < 192:
            assert found[y, x], name
    pixels, _ = project(joints[names.index("left_knee")], spec.camera, 192, 192)
    x, y = pixels.astype(int).clip(0, 191)
    assert not found[y, x]
