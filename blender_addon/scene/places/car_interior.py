"""The inside of a car, seen from its dashboard: people on seats, windows, what is outside."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...recipes.distributions import Distribution
from ...recipes.recipe import Recipe
from .. import objects, surfaces
from ..spec import SurfaceSpec, vec3
from . import finishes
from .adapting import indoors, within
from .before_people import bone_points, clear_of_people
from .rooms import taken_points
from .site import Frame, Place, Site


def adapt_car_interior(recipe: Recipe) -> Recipe:
    """One or two people sit near the camera and face it."""
    near = indoors(recipe, distance=(0.75, 1.3), height=(1.0, 1.3), people=2, poses=("sitting",))
    people = dataclasses.replace(
        near.people,
        groups=0.0,
        facing=Distribution("normal", (0.0, 12.0), min=-40.0, max=40.0),
        lateral=within(near.people.lateral, (-0.6, 0.6)),
        in_frame=min(near.people.in_frame, 0.3),
        spacing=0.05,
    )
    camera = dataclasses.replace(
        near.camera, fov=within(near.camera.fov, (60.0, 95.0)), lens=None, aim="horizon",
        pitch=Distribution("normal", (-9.0, 5.0), min=-30.0, max=5.0),
        roll=within(near.camera.roll, (-6.0, 6.0)),
    )  # fmt: skip
    poses = dataclasses.replace(near.poses, companions=0.0)
    return dataclasses.replace(near, people=people, camera=camera, poses=poses)


def build_car_interior(site: Site) -> Place:
    """Lay the shell of a car around camera and people."""
    rng = site.rng
    frame = Frame((0.0, 0.0), site.crowd.camera.yaw + float(rng.uniform(-14, 14)))
    points = frame.local(taken_points(site))
    low, high = points.min(axis=0), points.max(axis=0)
    eye = frame.local(site.eye)
    tall = max([1.15, *(round(float(p.joints[:, 2].max()), 2) + 0.22 for p in site.crowd.people)])
    tall = round(max(tall, site.crowd.camera.location[2] + 0.16), 2)
    wide = round(max(1.45, float(high[0] - low[0]) + 0.2), 1)
    front = float(eye[1]) - 0.25
    deep = round(max(2.3, float(high[1]) - front + 0.75), 1)
    middle = np.array(((low[0] + high[0]) / 2, front + deep / 2))
    middle[0] = np.clip(middle[0], eye[0] - 0.3 * wide, eye[0] + 0.3 * wide)
    seat = finishes.cloth(rng)
    leather = SurfaceSpec("plain", (0.03, 0.03, 0.033), (0.08, 0.08, 0.085), 1.0, 0.4)
    seat = leather if rng.random() < 0.5 else dataclasses.replace(seat, color2=(0.05, 0.05, 0.05))
    site.put("car_cabin", frame.world(middle), (wide, deep, tall), frame.turn, seat,
             variant=int(rng.integers(6)), check=False)  # fmt: skip
    _seats(site, frame, middle, wide, tall, seat)
    _outside(site)
    ground = surfaces.sample_ground(rng, indoors=False)
    return site.done(ground=ground)


def _outside(site: Site) -> None:
    """Put other cars, trees and poles where the windows show them."""
    rng = site.rng
    frame = Frame((float(site.eye[0]), float(site.eye[1])), site.crowd.camera.yaw)
    for _ in range(int(16 * site.density)):
        shape = str(rng.choice(["car", "van", "tree", "bush", "lamp_post", "sign", "fence"]))
        where = frame.world(rng.uniform((-9.0, 4.5), (9.0, 18.0)))
        turn = frame.turn + float(rng.choice([0, 90, 180, 270])) + float(rng.normal(0, 4))
        site.put(shape, where, objects.sample_size(shape, rng), turn,
                 surfaces.sample_surface(shape, rng))  # fmt: skip


def _seats(
    site: Site, frame: Frame, middle: np.ndarray, wide: float, tall: float, seat: SurfaceSpec
) -> None:
    """A seat behind each person, an empty one beside, and a wheel before one."""
    taken: list[float] = []
    size = vec3((0.52, 0.26, min(tall - 0.12, 1.12)))
    for person in site.crowd.people:
        local = frame.local(bone_points(person)[:, :2])
        x = float(frame.local(np.round(person.joints[0, :2], 2))[0])
        back = float(local[:, 1].max()) + 0.16 + size[1] / 2
        backs = [b for b in (prop for prop in person.props) if b.size[2] > 0.7]
        if backs:  # the pose has a chair with a back of its own
            back += 0.08
        site.put("car_seat", frame.world((x, back)), size, frame.turn, seat, height=0.05,
                 variant=0, check=False)  # fmt: skip
        taken.append(x)
    if not site.crowd.people:
        return
    row = float(frame.local(np.round(site.crowd.people[0].joints[0, :2], 2))[1]) + 0.3
    for x in (middle[0] - 0.25 * wide, middle[0] + 0.25 * wide):
        if all(abs(x - other) > 0.55 for other in taken):
            where = frame.world((x, row))
            if clear_of_people(site.crowd.people, where, size, frame.turn, 1.2, solid=True):
                site.put("car_seat", where, size, frame.turn, seat, height=0.05, variant=0,
                         check=False)  # fmt: skip
    driver = site.crowd.people[0]
    pelvis = frame.local(np.round(driver.joints[0, :2], 2))
    for ahead in (0.42, 0.5, 0.58):
        where = frame.world((float(pelvis[0]), float(pelvis[1]) - ahead))
        wheel = vec3((0.38, 0.14, 0.38))
        base = round(float(driver.joints[0, 2]) + 0.08, 2)
        if np.linalg.norm(where - site.eye) < 0.3:
            continue
        if _clear(site, where, wheel, frame.turn, base):
            site.put("steering_wheel", where, wheel, frame.turn, seat, height=base, variant=0,
                     check=False)  # fmt: skip
            return


def _clear(
    site: Site, where: np.ndarray, size: tuple[float, float, float], turn: float, base: float
) -> bool:
    """Whether no body is in a box above the ground."""
    box = Frame((float(where[0]), float(where[1])), turn)
    for person in site.crowd.people:
        points = bone_points(person)
        inside = (np.abs(box.local(points[:, :2])) < np.array(size[:2]) / 2 + 0.07).all(axis=1)
        level = (points[:, 2] > base - 0.07) & (points[:, 2] < base + size[2] + 0.07)
        if (inside & level).any():
            return False
    return True
