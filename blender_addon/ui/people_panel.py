"""Panel People: persons as Blender characters, from the default body or from files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .preferences import absolute, folder
from .tab import Doing, DroppedOnView, Tab, settings_of

if TYPE_CHECKING:
    from ..bodies.model import BodyModel
    from ..bodies.motion import Up
    from ..character.character import Character
    from ..figures import Figures

DEFAULT = "default"
BODY_ENDINGS = (".npz", ".pkl")
SLIDERS = 10  # shape keys shown before "More"; later betas change less and less
NOBODY = "No person is active: click one in the 3D View, or add one"
APART = 1.8  # m between persons that are added one after the other: arms stretched out do not meet

# --- bodies and persons -------------------------------------------------------------------------------------------


def active_person(context: Any) -> Character | None:
    """The person that the active object is or belongs to."""
    from ..character.character import character_of

    return character_of(context.view_layer.objects.active)


def need_person(context: Any) -> Character:
    """The active person. Raises ValueError that says how to get one."""
    person = active_person(context)
    if person is None:
        raise ValueError(NOBODY)
    return person


def known_bodies(context: Any) -> list[str]:
    """What may be chosen: 'default', then files: of the preferences' folder, of the recipe, of persons in the scene."""
    from ..character.character import characters

    found: list[str] = []
    where = folder(context, "bodies")
    if where is not None:
        found += sorted(
            str(path) for path in where.rglob("*") if path.suffix.lower() in BODY_ENDINGS
        )
    found += [
        item.path
        for item in _recipe_bodies(context)
        if Path(item.path).suffix.lower() in BODY_ENDINGS
    ]
    found += [person.model_name for person in characters(context.scene)]
    return list(dict.fromkeys([DEFAULT, *found, settings_of(context).body]))


def body_label(name: str) -> str:
    """What the artist reads for a body."""
    return "Default Body" if name == DEFAULT else Path(name).stem


def figures_of(context: Any, name: str) -> Figures:
    """Poses persons of the body `name`, 'default' or a file. Raises ValueError naming a file that cannot be used."""
    from ..assets import open_body

    uvs = tuple(
        str(absolute(item.path))
        for item in settings_of(context).recipe.bodies.uvs.paths
        if item.path
    )
    return _figures(name, open_body(name, uvs))


@lru_cache(maxsize=4)
def _figures(name: str, model: BodyModel) -> Figures:
    """Kept, because the clothes' chart of a body takes a second."""
    from ..figures import Figures

    return Figures({name: model})


def _recipe_bodies(context: Any) -> Any:
    return settings_of(context).recipe.bodies.models.paths


# --- operators ----------------------------------------------------------------------------------------------------


class OnPerson(Doing):
    """Mixin: what is done to the active person."""

    @classmethod
    def poll(cls: Any, context: Any) -> bool:
        if active_person(context) is None:
            cls.poll_message_set(NOBODY)
            return False
        return True


class Browsing:
    """Mixin: an operator that asks for its file when it is not given one."""

    def invoke(self, context: Any, event: Any) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


def _file_property() -> Any:
    return bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "HIDDEN"})


def _filter_property(pattern: str) -> Any:
    return bpy.props.StringProperty(default=pattern, options={"HIDDEN"})


class PII_SYNTH_OT_choose_body(bpy.types.Operator):
    """Persons that are added have this body"""

    bl_idname = "pii_synth.choose_body"
    bl_label = "Choose Body"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    body: bpy.props.StringProperty(name="Body", default=DEFAULT)

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        return (
            "The body that comes with PII Synth" if properties.body == DEFAULT else properties.body
        )

    def execute(self, context: Any) -> set[str]:
        settings_of(context).body = self.body
        return {"FINISHED"}


class PII_SYNTH_OT_add_person(Doing, bpy.types.Operator):
    """Add a person with the chosen body at the 3D cursor, or beside whoever stands there"""

    bl_idname = "pii_synth.add_person"
    bl_label = "Add Person"

    def act(self, context: Any) -> str:
        add_person(context, settings_of(context).body)
        return ""


class PII_SYNTH_OT_load_body(Browsing, Doing, bpy.types.Operator):
    """Add a person with a SMPL, SMPL-H or SMPL-X body from its file, and let the recipe draw such bodies too"""

    bl_idname = "pii_synth.load_body"
    bl_label = "Load Body…"

    filepath: _file_property()
    filter_glob: _filter_property("*.npz;*.pkl")

    def act(self, context: Any) -> str:
        return load_body(context, _chosen(self.filepath))


class PII_SYNTH_OT_pose_from_motion(Browsing, OnPerson, bpy.types.Operator):
    """Pose the active person like a frame of an AMASS, BEDLAM or SURREAL motion file; it stays where it stands"""

    bl_idname = "pii_synth.pose_from_motion"
    bl_label = "Pose from Motion File…"

    filepath: _file_property()
    filter_glob: _filter_property("*.npz")
    frame: bpy.props.IntProperty(
        name="Frame", description="Which frame of the motion; the first is 0", default=0, min=0
    )
    motion: bpy.props.IntProperty(
        name="Motion",
        description="Which motion of a file with several; the first is 0",
        default=0,
        min=0,
    )
    up: bpy.props.EnumProperty(
        name="Up",
        description="The file's vertical axis",
        items=[
            ("auto", "Automatic", "The way in which the bodies mostly stand"),
            ("z", "Z", "AMASS and SURREAL"),
            ("y", "Y", "BEDLAM"),
        ],
        default="auto",
    )

    def act(self, context: Any) -> str:
        return pose_from_motion(context, _chosen(self.filepath), self.frame, self.motion, self.up)


class PII_SYNTH_OT_open_file(Doing, bpy.types.Operator):
    """Add a person from a body model file, or pose the active person from a motion file"""

    bl_idname = "pii_synth.open_file"
    bl_label = "Open Body or Motion"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: _file_property()

    def act(self, context: Any) -> str:
        from ..bodies.motion import is_motion

        path = _chosen(self.filepath)
        if is_motion(path):
            return pose_from_motion(context, path)
        return load_body(context, path)


class PII_SYNTH_OT_fit_skeleton(OnPerson, bpy.types.Operator):
    """Move the joints and cut the clothes anew for the shape that the sliders give"""

    bl_idname = "pii_synth.fit_skeleton"
    bl_label = "Fit Skeleton"

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not super().poll(context):
            return False
        if not need_person(context).needs_fit():
            cls.poll_message_set("The skeleton fits: no slider of the shape was moved")
            return False
        return True

    def act(self, context: Any) -> str:
        person = need_person(context)
        person.fit(figures_of(context, person.model_name))
        return ""


class PII_SYNTH_OT_reset_pose(OnPerson, bpy.types.Operator):
    """Put the active person back into the T-pose, upright, where it stands"""

    bl_idname = "pii_synth.reset_pose"
    bl_label = "Reset Pose"

    def act(self, context: Any) -> str:
        person = need_person(context)
        person.reset_pose(figures_of(context, person.model_name))
        return ""


class PII_SYNTH_OT_remove_person(OnPerson, bpy.types.Operator):
    """Delete the active person: armature, body and shape keys"""

    bl_idname = "pii_synth.remove_person"
    bl_label = "Remove Person"

    def act(self, context: Any) -> str:
        _object_mode(context)
        need_person(context).remove()
        return ""


def add_person(context: Any, name: str) -> None:
    """Add a person of the body `name` and make it the active object."""
    from ..character.character import Character, number_anew

    figures = figures_of(context, name)
    _object_mode(context)
    number_anew(context.scene)
    place = _free_place(context)
    person = Character.add(context.scene, figures.bodies[name], name, figures, context.collection)
    person.armature.location = place
    for obj in context.selected_objects:
        obj.select_set(False)
    # Where the collection is shut out of the view layer, the person is there and cannot be selected.
    if person.armature.name in context.view_layer.objects:
        person.armature.select_set(True)
        context.view_layer.objects.active = person.armature


def load_body(context: Any, path: Path) -> str:
    """Add a person from the body model file `path`, and add the file to the recipe. Returns what to tell the user."""
    name = str(path)
    add_person(context, name)
    settings_of(context).body = name
    if name in [item.path for item in _recipe_bodies(context)]:
        return ""
    _recipe_bodies(context).add().path = name
    return f"The recipe draws {path.stem} too"


def pose_from_motion(
    context: Any, path: Path, frame: int = 0, motion: int = 0, up: Up = "auto"
) -> str:
    """Pose the active person like a frame of the motion file `path`. Returns what to tell the user."""
    from ..bodies.joints import fit_pose
    from ..bodies.motion import load_motions

    person = active_person(context)
    if person is None:
        raise ValueError(
            f"{path.name} is a motion file: select the person to pose, then open it again"
        )
    motions = load_motions(path, up)
    if motion >= len(motions):
        raise ValueError(f"{path}: motion {motion} of {len(motions)}, they count from 0")
    chosen = motions[motion]
    if frame >= len(chosen):
        raise ValueError(f"{path}: frame {frame} of {len(chosen)}, they count from 0")
    figures = figures_of(context, person.model_name)
    model = figures.bodies[person.model_name]
    pose = fit_pose(chosen.z_up().poses[frame], model.family, model.hands_mean)
    person.take_pose(pose, chosen.name, figures)
    return f"Frame {frame} of {len(chosen)} of {chosen.name}"


def _chosen(filepath: str) -> Path:
    if not filepath:
        raise ValueError("no file was chosen")
    return absolute(filepath)


def _free_place(context: Any) -> Any:
    """The 3D cursor, or the next place to its right where nobody stands."""
    from ..character.character import characters

    place = context.scene.cursor.location.copy()
    others = [person.armature.matrix_world.translation for person in characters(context.scene)]
    while any((other - place).xy.length < APART - 0.01 for other in others):
        place.x += APART
    return place


def _object_mode(context: Any) -> None:
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


class PII_SYNTH_FH_people(DroppedOnView, bpy.types.FileHandler):
    """Body models and motions dropped into the 3D View"""

    bl_idname = "PII_SYNTH_FH_people"
    bl_label = "PII Synth Bodies and Motions"
    bl_import_operator = PII_SYNTH_OT_open_file.bl_idname
    bl_file_extensions = ";".join(BODY_ENDINGS)


# --- panels -------------------------------------------------------------------------------------------------------


class PII_SYNTH_MT_bodies(bpy.types.Menu):
    """Bodies that persons can have"""

    bl_idname = "PII_SYNTH_MT_bodies"
    bl_label = "Body"

    def draw(self, context: Any) -> None:
        layout = self.layout
        for name in known_bodies(context):
            icon = "ARMATURE_DATA" if name == DEFAULT else "FILE"
            layout.operator(
                PII_SYNTH_OT_choose_body.bl_idname, text=body_label(name), icon=icon
            ).body = name
        where = folder(context, "bodies")
        if where is None:
            layout.label(text="The preferences name no folder of body models", icon="INFO")
        elif not where.is_dir():
            layout.label(text=f"{where}: no such folder, see the preferences", icon="ERROR")
        layout.separator()
        layout.operator(PII_SYNTH_OT_load_body.bl_idname, icon="FILE_FOLDER")


class PII_SYNTH_PT_people(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_people"
    bl_label = "People"

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        row = layout.row(align=True)
        label = body_label(settings_of(context).body)
        row.menu(PII_SYNTH_MT_bodies.bl_idname, text=label, icon="ARMATURE_DATA")
        row.operator(PII_SYNTH_OT_load_body.bl_idname, text="", icon="FILE_FOLDER")
        layout.operator(PII_SYNTH_OT_add_person.bl_idname, icon="ADD")


class PersonPanel(Tab):
    """Mixin: a panel about the active person."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        return active_person(context) is not None


class PII_SYNTH_PT_person(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_person"
    bl_parent_id = PII_SYNTH_PT_people.bl_idname
    bl_label = ""

    def draw_header(self, context: Any) -> None:
        person = need_person(context)
        self.layout.label(text=f"Person {person.number}: {body_label(person.model_name)}")

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        column.operator(PII_SYNTH_OT_pose_from_motion.bl_idname, icon="ARMATURE_DATA")
        column.operator(PII_SYNTH_OT_reset_pose.bl_idname, icon="LOOP_BACK")
        self.layout.operator(PII_SYNTH_OT_remove_person.bl_idname, icon="TRASH")


class PII_SYNTH_PT_shape(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_shape"
    bl_parent_id = PII_SYNTH_PT_person.bl_idname
    bl_label = "Shape"

    def draw(self, context: Any) -> None:
        person = need_person(context)
        if person.needs_fit():
            self.layout.operator(PII_SYNTH_OT_fit_skeleton.bl_idname, icon="MOD_ARMATURE")
        _sliders(self.layout, person.shape_keys()[:SLIDERS])


class PII_SYNTH_PT_more_shape(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_more_shape"
    bl_parent_id = PII_SYNTH_PT_shape.bl_idname
    bl_label = "More"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        person = active_person(context)
        return person is not None and len(person.shape_keys()) > SLIDERS

    def draw(self, context: Any) -> None:
        _sliders(self.layout, need_person(context).shape_keys()[SLIDERS:])


def _sliders(layout: Any, keys: list[Any]) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column(align=True)
    for key in keys:
        column.prop(key, "value", text=key.name.capitalize(), slider=True)


_CLASSES = (
    PII_SYNTH_OT_choose_body,
    PII_SYNTH_OT_add_person,
    PII_SYNTH_OT_load_body,
    PII_SYNTH_OT_pose_from_motion,
    PII_SYNTH_OT_open_file,
    PII_SYNTH_OT_fit_skeleton,
    PII_SYNTH_OT_reset_pose,
    PII_SYNTH_OT_remove_person,
    PII_SYNTH_FH_people,
    PII_SYNTH_MT_bodies,
    PII_SYNTH_PT_people,
    PII_SYNTH_PT_person,
    PII_SYNTH_PT_shape,
    PII_SYNTH_PT_more_shape,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
