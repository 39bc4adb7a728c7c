"""Assets that a recipe draws from: bodies, poses, motions, panoramas, photos, textures.

Files are listed and checked here (`asset_files`), and read when they are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..bodies.joints import fit_pose
from ..bodies.library import default_body, load_body
from ..bodies.model import BodyModel
from ..bodies.motion import Motion, MotionFile, UnclearAxisError, Up, load_motions
from ..bodies.pose_library import CARRIED, COMPANIONS_PATH, Pose, load_poses
from ..packs.pack import PackItem
from ..packs.scenery.prop_pack import NO_PROPS, PropPack
from ..packs.scenery.texture_pack import NO_TEXTURES, TexturePack
from ..recipes.fields import RecipeError
from ..recipes.recipe import Recipe
from ..wardrobe.pack_sampling import PackWardrobe
from .asset_files import AssetFiles, axis_advice
from .body_poser import BodyPoser
from .pack_files import load_packs
from .photos.reader import PhotoReader
from .scenery_files import load_scenery

BUILTIN_HDRIS = tuple(
    f"builtin:{name}"
    for name in ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
)
NEUTRAL_POSE = "standing"


@dataclass(frozen=True, eq=False)
class Assets:
    """All that can be drawn, in a fixed order (sorted by path), so that a draw is the same on every
    machine. `found` tells the user what packs hold, `notes` what was left out of folders, and why.
    """

    bodies: dict[str, BodyModel]
    poses: tuple[Pose, ...]
    neutral_pose: Pose
    companions: tuple[Pose, ...] = ()
    carried_pose: Pose | None = None
    motions: tuple[str, ...] = ()
    motions_up: Up = "auto"
    hdris: tuple[str, ...] = BUILTIN_HDRIS
    photos: tuple[str, ...] = ()
    textures: tuple[str, ...] = ()
    packs: tuple[PackItem, ...] = ()
    props: PropPack = NO_PROPS
    surfaces: TexturePack = NO_TEXTURES
    photo_reader: PhotoReader | None = None  # looks at photos; needs Blender
    found: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def poser(self) -> BodyPoser:
        """Poses persons that have these bodies."""
        return BodyPoser(self.bodies)

    @cached_property
    def pack_wardrobe(self) -> PackWardrobe:
        """The items of the packs by kind."""
        return PackWardrobe.of(self.packs)

    def sample_motion(self, rng: np.random.Generator) -> Motion:
        """Draw a motion in a Z-up world; every file is equally likely.

        Raises:
            ValueError: A motion file cannot be read; the message names it.
        """
        path = self.motions[int(rng.integers(len(self.motions)))]
        motions = _open_motions(path, self.motions_up)
        try:
            return motions[int(rng.integers(len(motions)))].z_up()
        except UnclearAxisError:
            raise ValueError(f"{path}: {axis_advice()}") from None

    def fit_pose(self, joints: NDArray[np.floating], model_name: str) -> NDArray[np.float64]:
        """Fit a pose (J, 3) of any family to the joints of a body model; missing fingers are
        relaxed.
        """
        model = self.bodies[model_name]
        return fit_pose(joints, model.family, model.hands_mean)


def load_assets(recipe: Recipe, photo_reader: PhotoReader | None = None) -> Assets:
    """Load the bodies and list the files that a recipe names.

    Args:
        recipe: The recipe.
        photo_reader: Looks at photos, so that people fit into them; render.photos has it. Without
            one only what their headers and side-cars say is used.

    Raises:
        RecipeError: A file is missing or cannot be used; the message names the key and the file.
    """
    bodies = {
        name: open_body(name, recipe.bodies.uvs) for name in dict.fromkeys(recipe.bodies.models)
    }
    bare = [name for name, model in bodies.items() if model.uv is None]
    if bare and recipe.wardrobe.textures:
        raise RecipeError(
            f"wardrobe.textures: the body {bare[0]} has no UVs; name its UV .obj in bodies.uvs"
        )
    poses, companions = load_poses(), load_poses(COMPANIONS_PATH)
    allowed = set(recipe.poses.categories)
    files = AssetFiles(cast(Up, recipe.poses.motions_up))
    hdris: list[str] = []
    for item in recipe.light.hdris:
        if item == "builtin":
            hdris += BUILTIN_HDRIS
        elif item.startswith("builtin:"):
            if item not in BUILTIN_HDRIS:
                raise RecipeError(
                    f"light.hdris: no {item!r}; there are: {', '.join(BUILTIN_HDRIS)}"
                )
            hdris.append(item)
        else:
            hdris += files.panoramas((item,), "light.hdris")
    motions = files.motions(recipe.poses.motions, "poses.motions")
    hdris += files.panoramas(recipe.scenery.panoramas, "scenery.panoramas")
    fronts = recipe.background.photo_front
    photos = files.photos(recipe.background.photos, "background.photos", fronts=fronts)
    photos += files.photos(recipe.scenery.photos, "scenery.photos", fronts=fronts)
    textures = files.images(recipe.wardrobe.textures, "wardrobe.textures")
    packs, found, faults = load_packs(recipe.wardrobe.packs)
    if packs and recipe.wardrobe.style != "mesh":
        faults.append('wardrobe.packs: nobody wears them; set wardrobe.style to "mesh"')
    scenery = load_scenery(recipe)
    return Assets(
        bodies=bodies,
        poses=tuple(pose for pose in poses if not allowed or pose.category in allowed),
        neutral_pose=next((pose for pose in poses if pose.name == NEUTRAL_POSE), poses[0]),
        companions=tuple(
            pose
            for pose in companions
            if pose.name != CARRIED and (not allowed or pose.category in allowed)
        ),
        carried_pose=next(pose for pose in companions if pose.name == CARRIED),
        motions=motions,
        motions_up=cast(Up, recipe.poses.motions_up),
        hdris=tuple(hdris),
        photos=photos,
        textures=textures,
        packs=packs,
        props=scenery.props,
        surfaces=scenery.textures,
        photo_reader=photo_reader,
        found=(*found, *scenery.found),
        notes=(*files.notes, *faults, *scenery.faults),
    )


@lru_cache(maxsize=32)
def _open_motions(path: str, up: Up) -> MotionFile:
    return load_motions(path, up)


def open_body(name: str, uvs: Sequence[str] = ()) -> BodyModel:
    """Open a body; its file is read again only when it has changed.

    Args:
        name: "default" or the path of a model file.
        uvs: UV .obj files; the first that fits is used for a model without UVs.

    Raises:
        RecipeError: A file cannot be read, or none of `uvs` fits; the message names key and file.
    """
    if name == "default":
        return default_body()
    return _read_body(name, tuple(uvs), tuple(map(_time_of, (name, *uvs))))


def _time_of(path: str) -> int:
    """Time of the last change of a file; 0 when there is no file."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=8)
def _read_body(name: str, uvs: tuple[str, ...], times: tuple[int, ...]) -> BodyModel:
    try:
        model = load_body(Path(name))
    except (OSError, ValueError) as error:
        raise RecipeError(f"bodies.models: {error}") from None
    misfits: list[str] = []
    for uv in uvs if model.uv is None else ():
        try:
            return load_body(Path(name), uv=uv)
        except (OSError, ValueError) as error:
            misfits.append(str(error))
    if misfits:
        raise RecipeError(f"bodies.uvs: none fits {name}: {'; '.join(misfits)}")
    return model
