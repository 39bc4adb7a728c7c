"""A person as a Blender character, which an artist may reshape, pose and move: the way to it and back from it."""

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
from ..scene.body_poser import Figures
from ..scene.people import STAND, heading_removed
from ..scene.spec import BodySpec, MotionSpec, PersonSpec, Vec3, from_plain
from ..stage.images import ImageCache
from ..stage.person_shader import apply_outfit, attach_chart
from ..wardrobe.outfit import Outfit, plain_outfit
from . import body_object
from .armature import fit_armature, new_armature, pose_matrices, rest_matrices
from .rig import Rig, bone_quaternions, object_location, read_bones, rest_pelvis

Array = NDArray[np.float64]

# Custom properties of the armature object: all that a character is beyond what the artist sees. They are copied,
# saved and undone with it.
PERSON = "pii_synth person"  # its number
SPEC = "pii_synth spec"  # JSON of the PersonSpec as it was applied last: outfit, and the shape that the skeleton fits
LIFT = "pii_synth lift"  # m, see rig.py
BODY_MARK = (
    "pii_synth flesh"  # on the mesh object: this is the body, not something that was parented to it
)

T_POSE = "t-pose"
BY_HAND = "by hand"
SAME = 1e-4  # rad and m: less than this is Blender's rounding, not the artist's hand


def characters(scene: bpy.types.Scene) -> list[Character]:
    """The persons of a scene, by number."""
    people = [Character(obj) for obj in scene.objects if _is_person(obj)]
    return sorted(people, key=lambda person: (person.number, person.armature.name))


def character_of(obj: bpy.types.Object | None) -> Character | None:
    """The person that `obj` is, or belongs to: its armature, its body, or what is parented to them."""
    while obj is not None and not _is_person(obj):
        obj = obj.parent
    return None if obj is None else Character(obj)


def renumber(scene: bpy.types.Scene) -> list[Character]:
    """The persons of a scene, each with a number of its own: whom an artist duplicates, has the original's."""
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
    """A person in a Blender scene. Holds nothing but a reference to the armature object, which undo and loading a file
    make invalid: do not keep characters, ask `characters` again."""

    armature: bpy.types.Object

    @classmethod
    def add(
        cls,
        scene: bpy.types.Scene,
        model: BodyModel,
        model_name: str,
        figures: Figures,
        collection: bpy.types.Collection | None = None,
        correctives: bool = True,
    ) -> Character:
        """A new person: of the mean shape, plainly dressed, in T-pose with the feet on the ground at the origin, facing
        -Y. `collection`: where its objects go, the scene's own if None. `correctives=False` leaves the model's
        pose correctives out, which saves memory (a shape key each) and costs exactness."""
        number = _lowest_free({person.number for person in characters(scene)})
        rig = Rig(model)
        name = f"Person {number}"
        armature = new_armature(name, rig, scene)
        body = body_object.new_body_object(f"{name} Body", rig)
        attach_chart(body.data, figures.chart(model_name))
        armature[PERSON], armature[LIFT], body[BODY_MARK] = number, rig.lift, True
        _tie(body, armature)
        for obj in (armature, body):
            (collection or scene.collection).objects.link(obj)
        body_object.add_keys(body, model)
        if correctives:
            body_object.add_correctives(body, armature, rig)
        person = cls(armature)
        person._write(PersonSpec(number, _standing(rig, model_name), plain_outfit(), T_POSE))
        person.apply(person._told, figures, ImageCache())
        return person

    @property
    def mesh(self) -> bpy.types.Object:
        """The body's mesh object. Raises ValueError when somebody has deleted it."""
        for child in self.armature.children:
            if BODY_MARK in child:
                return child
        raise ValueError(
            f"{self.armature.name} has lost its body: remove the person and add another"
        )

    @property
    def number(self) -> int:
        """1..N, the id in masks."""
        return int(self.armature[PERSON])

    @property
    def model_name(self) -> str:
        """'default' or the file of the body model."""
        return self._told.body.model

    @property
    def joint_names(self) -> tuple[str, ...]:
        return FAMILIES[family_of(len(self._told.body.pose))]

    # --- spec -> Blender

    def apply(self, person: PersonSpec, figures: Figures, images: ImageCache) -> None:
        """Shape, clothe, pose and place. The number stays.

        Raises ValueError for another body model than this person's or a shape that shape keys cannot hold, and
        what `apply_outfit` raises for a texture.
        """
        body = person.body
        if body.model != self.model_name:
            raise ValueError(
                f"{self.armature.name} is a body of {self.model_name}, not of {body.model}: add a person of that model"
            )
        self._shape(body.betas, figures)
        body_object.write_clothes(self.mesh.data, figures.clothes(body, person.outfit))
        apply_outfit(self.mesh, person.outfit, images)
        add_part_outputs(self.mesh.material_slots[0].material)
        self._pose(body)
        self._write(person)

    def _shape(self, betas: tuple[float, ...], figures: Figures) -> None:
        keys = body_object.beta_keys(self.mesh.data)
        values = _padded(betas, len(keys))
        if np.abs(values).max(initial=0.0) > body_object.MOST:
            raise ValueError(
                f"betas: {values.min():g}..{values.max():g}, Blender's shape keys end at ±{body_object.MOST:g}"
            )
        for key, value in zip(keys, values.tolist(), strict=True):
            key.slider_min, key.slider_max = min(key.slider_min, value), max(key.slider_max, value)
            key.value = value
        if not np.array_equal(values, _padded(self._told.body.betas, len(keys))):
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
        """What the artist has made of the body, however: bones, constraints, the object, its parents.

        Raises ValueError, saying what to do, when no body model does that: see `rig.read_bones`.
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
        """The shape keys' values; those nobody touched as they were given, before Blender rounded them."""
        fitted = self._told.body.betas
        values = np.array([key.value for key in body_object.beta_keys(self.mesh.data)])
        given = _padded(fitted, len(values))
        betas = np.where(values == given.astype(np.float32), given, values)
        touched = np.flatnonzero(betas != 0.0)
        length = max(len(fitted), 1 + int(touched[-1]) if len(touched) else 0)
        return tuple(betas[:length].tolist())

    def outfit(self) -> Outfit:
        """What the person wears, as it was applied."""
        return self._told.outfit

    def person(self) -> PersonSpec:
        """The person as it stands. One that nobody touched is the very one that was applied."""
        told = dataclasses.replace(self._told, id=self.number)
        body = self.body()
        if body.betas == told.body.betas and _same_pose(body, told.body):
            moved = np.subtract(body.translation, told.body.translation)
            if np.abs(moved).max() < SAME:
                return told
            body = dataclasses.replace(body, pose=told.body.pose)
            return dataclasses.replace(told, body=body, motion=_moved(told.motion, moved))
        # Where somebody will be a moment later, nobody knows any more.
        limbs_alike = _same_pose(body, told.body, joints=slice(1, None))
        return dataclasses.replace(
            told, body=body, pose_name=told.pose_name if limbs_alike else BY_HAND, motion=None
        )

    # --- what the panel offers

    def shape_keys(self) -> list[bpy.types.ShapeKey]:
        """The sliders of the shape: the keys of the betas, then those of the face, where the model has any."""
        return body_object.beta_keys(self.mesh.data) + body_object.expression_keys(self.mesh.data)

    def needs_fit(self) -> bool:
        """Whether the sliders of the shape were moved since skeleton and clothes were made for them."""
        return self._betas() != self._told.body.betas

    def fit(self, figures: Figures) -> None:
        """Let skeleton and clothes follow the sliders of the shape. The person stays where it stands: who grows
        does not sink into the ground."""
        person = self.person()
        before = dataclasses.replace(person.body, betas=self._told.body.betas)
        body = _settled(person.body, before, person.outfit, figures)
        self.apply(dataclasses.replace(person, body=body), figures, ImageCache())

    def take_pose(self, pose: ArrayLike, name: str, figures: Figures) -> None:
        """Hold the joints like `pose` (J, 3), axis-angle of this person's model in a Z-up world, called `name`. The
        person stays where it stands and looks where it looks."""
        person = self.person()
        theta = np.array(pose, dtype=np.float64)
        turn = heading_removed(np.array(person.body.pose[0])).T @ heading_removed(theta[0])
        theta[0] = matrix_to_axis_angle(turn @ rodrigues(theta[0]))
        body = dataclasses.replace(person.body, pose=tuple(_vec(row) for row in theta))
        body = _settled(body, person.body, person.outfit, figures)
        posed = dataclasses.replace(person, body=body, pose_name=name, motion=None)
        self.apply(posed, figures, ImageCache())

    def reset_pose(self, figures: Figures) -> None:
        """Back to the T-pose, upright."""
        pose = np.zeros((len(self.joint_names), 3))
        pose[0] = matrix_to_axis_angle(STAND)
        self.take_pose(pose, T_POSE, figures)

    def remove(self) -> None:
        """Delete the person. What an artist parented to it stays where it is."""
        own = [self.armature, *(child for child in self.armature.children if BODY_MARK in child)]
        for child in [child for obj in own for child in obj.children if child not in own]:
            place = child.matrix_world.copy()
            child.parent = None
            child.matrix_world = place
        data = [obj.data for obj in own]
        bpy.data.batch_remove(own)
        bpy.data.batch_remove([block for block in data if block.users == 0])

    # --- what is kept in the custom properties

    @property
    def _told(self) -> PersonSpec:
        return _parse(self.armature[SPEC])

    def _write(self, person: PersonSpec) -> None:
        self.armature[SPEC] = json.dumps(dataclasses.asdict(person))


@lru_cache(maxsize=64)
def _parse(text: str) -> PersonSpec:
    """Kept, because panels ask at every redraw."""
    return from_plain(PersonSpec, json.loads(text), SPEC)


def _is_person(obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE" and PERSON in obj


def _lowest_free(taken: set[int]) -> int:
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def _scene_of(obj: bpy.types.Object) -> bpy.types.Scene:
    here = bpy.context.scene
    return here if here in obj.users_scene else obj.users_scene[0]


def _tie(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Let the armature carry and deform the body, as linear blend skinning does."""
    body.parent = armature
    body.lock_location = body.lock_rotation = body.lock_scale = (True, True, True)
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    modifier.use_vertex_groups, modifier.use_bone_envelopes = True, False
    modifier.use_deform_preserve_volume = False


def _standing(rig: Rig, model_name: str) -> BodySpec:
    """The mean body in T-pose, its feet on the ground at the origin: the armature at rest."""
    root = _vec(matrix_to_axis_angle(STAND))
    pose = (root, *((0.0, 0.0, 0.0),) * (rig.model.num_joints - 1))
    head = rig.heads()[0]
    return BodySpec(model_name, (), pose, _vec(head - rest_pelvis(head, rig.lift)))


def _settled(body: BodySpec, before: BodySpec, outfit: Outfit, figures: Figures) -> BodySpec:
    """`body` where the same person was `before`: the pelvis over the same spot, the lowest point as high."""
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
    """(count,): the betas, those not given being 0."""
    values = np.zeros(count)
    values[: len(betas)] = betas
    return values


def _vec(values: NDArray[np.floating]) -> Vec3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)
