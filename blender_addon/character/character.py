"""A person as a Blender character: written from a PersonSpec, reshaped and posed, and read back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import ArrayLike, NDArray

from ..bodies.joints import FAMILIES, family_of
from ..bodies.model import BodyModel
from ..bodies.rotations import matrix_to_axis_angle, rodrigues
from ..render.part_labels import add_part_outputs
from ..scene.body_poser import BodyPoser
from ..scene.people import MODEL_TO_WORLD, heading_removed
from ..scene.spec import BodySpec, MotionSpec, PersonSpec, Vec3, from_plain
from ..stage.body_mesh import attach_chart
from ..stage.images import ImageCache
from ..stage.person_shader import apply_outfit
from ..wardrobe.outfit import Outfit, plain_outfit
from . import body_object, dressed_object
from .armature import fit_armature, new_armature, pose_matrices, rest_matrices
from .rig import Rig, bone_quaternions, object_location, read_bones, rest_pelvis

Array = NDArray[np.float64]

# Custom properties of the armature object. Blender copies, saves and undoes them with the object.
PERSON = "pii_synth person"  # its number
SPEC = "pii_synth spec"  # JSON of the PersonSpec that was applied last
LIFT = "pii_synth lift"  # m, see rig.py
BODY_MARK = "pii_synth flesh"  # on the body's mesh object, to tell it from other children

T_POSE = "t-pose"
BY_HAND = "by hand"
SAME = 1e-4  # rad and m: smaller differences come from Blender's rounding


def characters(scene: bpy.types.Scene) -> list[Character]:
    """The people of a scene, sorted by number."""
    people = [Character(obj) for obj in scene.objects if _is_person(obj)]
    return sorted(people, key=lambda person: (person.number, person.armature.name))


def character_of(obj: bpy.types.Object | None) -> Character | None:
    """The person of an armature, a body, or an object that is parented to them; None if none."""
    while obj is not None and not _is_person(obj):
        obj = obj.parent
    return None if obj is None else Character(obj)


def renumber(scene: bpy.types.Scene) -> list[Character]:
    """Give every person of a scene a number of its own.

    A duplicated person has the number of the original until then.

    Returns:
        The people, sorted by number.
    """
    people = characters(scene)
    taken = {person.number for person in people}
    seen: set[int] = set()
    for person in people:
        if person.number in seen:
            person.armature[PERSON] = _lowest_free(taken)
            taken.add(person.number)
        seen.add(person.number)
    return characters(scene)


@dataclass(frozen=True)
class Character:
    """A person in a Blender scene.

    Holds nothing but a reference to the armature object, which undo and loading a file make
    invalid: do not keep characters, call `characters` again.
    """

    armature: bpy.types.Object

    @classmethod
    def add(
        cls,
        scene: bpy.types.Scene,
        model: BodyModel,
        model_name: str,
        figures: BodyPoser,
        collection: bpy.types.Collection | None = None,
        correctives: bool = True,
    ) -> Character:
        """Add a person to a scene.

        It has the mean shape and plain clothes, and stands in T-pose at the origin, facing -Y.

        Args:
            scene: the scene, whose people keep their numbers.
            model: the body model.
            model_name: 'default', or the file of the model.
            figures: the poser of that body.
            collection: collection of the new objects; None: the scene's own.
            correctives: whether to add the model's pose correctives, one shape key each. Without
                them the character needs less memory and is less exact.

        Returns:
            The new person.
        """
        number = _lowest_free({person.number for person in characters(scene)})
        rig = Rig(model)
        name = f"Person {number}"
        armature = new_armature(name, rig, scene)
        body = body_object.new_body_object(f"{name} Body", rig)
        attach_chart(body.data, figures.chart(model_name))
        armature[PERSON], armature[LIFT], body[BODY_MARK] = number, rig.lift, True
        body_object.skin(body, armature)
        for obj in (armature, body):
            (collection or scene.collection).objects.link(obj)
        body_object.add_keys(body, model)
        if correctives:
            body_object.add_correctives(body, armature, rig)
        person = cls(armature)
        person._write(PersonSpec(number, _rest_body(rig, model_name), plain_outfit(), T_POSE))
        person.apply(person._applied, figures, ImageCache())
        return person

    @property
    def mesh(self) -> bpy.types.Object:
        """The body's mesh object. Raises ValueError when it was deleted."""
        for child in self.armature.children:
            if BODY_MARK in child:
                return child
        raise ValueError(
            f"{self.armature.name} has no body any more: remove the person and add another"
        )

    @property
    def number(self) -> int:
        """The person's id in masks, 1..N."""
        return int(self.armature[PERSON])

    @property
    def model_name(self) -> str:
        """'default', or the file of the body model."""
        return self._applied.body.model

    @property
    def joint_names(self) -> tuple[str, ...]:
        return FAMILIES[family_of(len(self._applied.body.pose))]

    # --- spec -> Blender

    def apply(self, person: PersonSpec, figures: BodyPoser, images: ImageCache) -> None:
        """Shape, dress, pose and place the person; its number does not change.

        Args:
            person: what to apply, of this person's body model.
            figures: the poser of that body.
            images: cache for the textures of outfits.

        Raises:
            ValueError: the body model differs, shape keys cannot hold the betas, or the texture
                cannot be read.
            FileNotFoundError: the texture is missing.
        """
        body = person.body
        if body.model != self.model_name:
            raise ValueError(
                f"expected a body of {self.model_name} for {self.armature.name}, got one of"
                f" {body.model}: add a person of that model"
            )
        self._shape(body.betas, figures)
        body_object.write_clothes(self.mesh.data, figures.clothes(body, person.outfit))
        apply_outfit(self.mesh, person.outfit, images)
        dressed_object.dress(self.armature, self.mesh, person, figures, images)
        for obj in (self.mesh, dressed_object.dressed_of(self.armature)):
            for slot in obj.material_slots if obj is not None else ():
                add_part_outputs(slot.material)
        self._pose(body)
        self._write(person)

    def _shape(self, betas: tuple[float, ...], figures: BodyPoser) -> None:
        keys = body_object.beta_keys(self.mesh.data)
        values = _padded(betas, len(keys))
        if np.abs(values).max(initial=0.0) > body_object.MOST:
            raise ValueError(
                f"expected betas within ±{body_object.MOST:g}, where Blender's shape keys end,"
                f" got {values.min():g}..{values.max():g}"
            )
        for key, value in zip(keys, values.tolist(), strict=True):
            key.slider_min, key.slider_max = min(key.slider_min, value), max(key.slider_max, value)
            key.value = value
        if not np.array_equal(values, _padded(self._applied.body.betas, len(keys))):
            rig = Rig(figures.bodies[self.model_name])
            fit_armature(self.armature.data, rig, betas, _scene_of(self.armature))

    def _pose(self, body: BodySpec) -> None:
        rest = rest_matrices(self.armature.data, self.joint_names)
        for name, quaternion in zip(
            self.joint_names, bone_quaternions(body.pose, rest[:, :3, :3]), strict=True
        ):
            bone = self.armature.pose.bones[name]
            bone.rotation_mode = "QUATERNION"
            bone.rotation_quaternion = quaternion
            bone.location, bone.scale = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        location = object_location(body.translation, rest[0, :3, 3], self.armature[LIFT])
        self.armature.matrix_world = Matrix.Translation(location)

    # --- Blender -> spec

    def body(self) -> BodySpec:
        """Read the body back, whether posed by bones, constraints, the object or its parents.

        Returns:
            The body as Blender evaluates it.

        Raises:
            ValueError: no body model can be posed like this (see `rig.read_bones`); the message
                says what to do.
        """
        rest = rest_matrices(self.armature.data, self.joint_names)
        parents = [-1] + [
            self.joint_names.index(self.armature.data.bones[name].parent.name)
            for name in self.joint_names[1:]
        ]
        world, posed = pose_matrices(self.armature, self.joint_names)
        deforms = world @ posed @ np.linalg.inv(rest)
        try:
            pose, translation = read_bones(
                deforms, rest[:, :3, 3], parents, self.joint_names, self.armature[LIFT]
            )
        except ValueError as error:
            raise ValueError(f"{self.armature.name}: {error}") from None
        rows = tuple(_vec(row) for row in pose)
        return BodySpec(self.model_name, self._betas(), rows, _vec(translation))

    def _betas(self) -> tuple[float, ...]:
        """The values of the beta keys; unchanged ones as applied, before Blender rounded them."""
        fitted = self._applied.body.betas
        values = np.array([key.value for key in body_object.beta_keys(self.mesh.data)])
        given = _padded(fitted, len(values))
        betas = np.where(values == given.astype(np.float32), given, values)
        touched = np.flatnonzero(betas != 0.0)
        length = max(len(fitted), 1 + int(touched[-1]) if len(touched) else 0)
        return tuple(betas[:length].tolist())

    def outfit(self) -> Outfit:
        """The outfit that was applied last."""
        return self._applied.outfit

    def person(self) -> PersonSpec:
        """Read the person back. One that was not changed equals the one that was applied."""
        applied = dataclasses.replace(self._applied, id=self.number)
        body = self.body()
        if body.betas == applied.body.betas and _same_pose(body, applied.body):
            moved = np.subtract(body.translation, applied.body.translation)
            if np.abs(moved).max() < SAME:
                return applied
            body = dataclasses.replace(body, pose=applied.body.pose)
            return dataclasses.replace(applied, body=body, motion=_moved(applied.motion, moved))
        # The motion belonged to the old pose.
        limbs_alike = _same_pose(body, applied.body, joints=slice(1, None))
        return dataclasses.replace(
            applied, body=body, pose_name=applied.pose_name if limbs_alike else BY_HAND, motion=None
        )

    # --- for the panel

    def shape_keys(self) -> list[bpy.types.ShapeKey]:
        """The shape sliders: the keys of the betas, then those of the face, if there are any."""
        return body_object.beta_keys(self.mesh.data) + body_object.expression_keys(self.mesh.data)

    def needs_fit(self) -> bool:
        """Whether shape sliders were moved since joints and clothes were fitted to them."""
        return self._betas() != self._applied.body.betas

    def fit(self, figures: BodyPoser) -> None:
        """Fit joints and clothes to the shape sliders.

        The person keeps its place, and its lowest point keeps its height.

        Args:
            figures: the poser of the person's body.
        """
        person = self.person()
        before = dataclasses.replace(person.body, betas=self._applied.body.betas)
        body = _keep_place(person.body, before, person.outfit, figures)
        self.apply(dataclasses.replace(person, body=body), figures, ImageCache())

    def take_pose(self, pose: ArrayLike, name: str, figures: BodyPoser) -> None:
        """Take a pose; the person keeps its place and heading.

        Args:
            pose: (J, 3) axis-angle, rad, of this person's model in a Z-up world.
            name: name of the pose.
            figures: the poser of the person's body.
        """
        person = self.person()
        theta = np.array(pose, dtype=np.float64)
        turn = heading_removed(np.array(person.body.pose[0])).T @ heading_removed(theta[0])
        theta[0] = matrix_to_axis_angle(turn @ rodrigues(theta[0]))
        body = dataclasses.replace(person.body, pose=tuple(_vec(row) for row in theta))
        body = _keep_place(body, person.body, person.outfit, figures)
        posed = dataclasses.replace(person, body=body, pose_name=name, motion=None)
        self.apply(posed, figures, ImageCache())

    def reset_pose(self, figures: BodyPoser) -> None:
        """Take an upright T-pose."""
        pose = np.zeros((len(self.joint_names), 3))
        pose[0] = matrix_to_axis_angle(MODEL_TO_WORLD)
        self.take_pose(pose, T_POSE, figures)

    def remove(self) -> None:
        """Delete the person. Objects that an artist parented to it keep their place."""
        marks = (BODY_MARK, dressed_object.MARK)
        children = self.armature.children
        own = [self.armature, *(c for c in children if any(mark in c for mark in marks))]
        for child in [child for obj in own for child in obj.children if child not in own]:
            place = child.matrix_world.copy()
            child.parent = None
            child.matrix_world = place
        data = [obj.data for obj in own]
        bpy.data.batch_remove(own)
        bpy.data.batch_remove([block for block in data if block.users == 0])

    # --- stored in the custom properties

    @property
    def _applied(self) -> PersonSpec:
        return _parse(self.armature[SPEC])

    def _write(self, person: PersonSpec) -> None:
        self.armature[SPEC] = json.dumps(dataclasses.asdict(person))


@lru_cache(maxsize=64)
def _parse(text: str) -> PersonSpec:
    """Cached, because panels read it at every redraw."""
    return from_plain(PersonSpec, json.loads(text), SPEC)


def _is_person(obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE" and PERSON in obj


def _lowest_free(taken: set[int]) -> int:
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def _scene_of(obj: bpy.types.Object) -> bpy.types.Scene:
    here = bpy.context.scene
    return here if here in obj.users_scene else obj.users_scene[0]


def _rest_body(rig: Rig, model_name: str) -> BodySpec:
    """The mean body in T-pose, its feet on the ground at the origin: the armature at rest."""
    root = _vec(matrix_to_axis_angle(MODEL_TO_WORLD))
    pose = (root, *((0.0, 0.0, 0.0),) * (rig.model.num_joints - 1))
    head = rig.heads()[0]
    return BodySpec(model_name, (), pose, _vec(head - rest_pelvis(head, rig.lift)))


def _keep_place(body: BodySpec, before: BodySpec, outfit: Outfit, figures: BodyPoser) -> BodySpec:
    """Move `body` to the place of `before`: pelvis at the same x and y, lowest point as high."""
    was, now = figures.pose_body(before, outfit), figures.pose_body(body, outfit)
    shift = was.joints[0].astype(np.float64) - now.joints[0]
    shift[2] = float(was.vertices[:, 2].min()) - float(now.vertices[:, 2].min())
    return dataclasses.replace(body, translation=_vec(body.translation + shift))


def _same_pose(a: BodySpec, b: BodySpec, joints: slice = slice(None)) -> bool:
    difference = rodrigues(a.pose[joints]) - rodrigues(b.pose[joints])
    return bool(np.abs(difference).max() < SAME)


def _moved(motion: MotionSpec | None, shift: Array) -> MotionSpec | None:
    if motion is None:
        return None
    return dataclasses.replace(motion, translation=_vec(np.add(motion.translation, shift)))


def _padded(betas: tuple[float, ...], count: int) -> Array:
    """(count,): the betas, filled up with 0."""
    values = np.zeros(count)
    values[: len(betas)] = betas
    return values


def _vec(values: NDArray[np.floating]) -> Vec3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)
