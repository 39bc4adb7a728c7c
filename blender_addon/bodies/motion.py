"""Motion files of AMASS, BEDLAM, and SURREAL's smpl_data.npz.

They agree on axis-angle poses and on a translation added after skinning. They differ in the number
of joints, in the key of the frame rate, and in the vertical axis: AMASS and SURREAL are Z-up like
Blender, BEDLAM is Y-up. Finger poses are relative to the flat hand, as in BodyModel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .archive import Archive
from .formats import gender_word, plain_text
from .joints import family_of, fit_pose
from .rotations import matrix_to_axis_angle, rodrigues

Up = Literal["y", "z", "auto"]

Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Turns +Y to +Z about X: the world of a Y-up file to Blender's."""

SURREAL_FPS = 120.0
"""smpl_data.npz does not say its rate; it comes from the CMU database, captured at 120 Hz (a few
takes at 60).
"""

RATE_KEYS = (
    "mocap_framerate",
    "mocap_frame_rate",
    "fps",
)  # AMASS SMPL-H; AMASS SMPL-X and BEDLAM; converters
_LARGEST = {"poses": 1e3, "translations": 1e6, "betas": 1e3}  # rad, m; more is damage
_MAX_NUMBERS = 1 << 26  # in one array: 400,000 frames of SMPL-X; as float64 they take 512 MB
_POSE_PARTS = {  # how AMASS spells the parts of SMPL-X's pose, in the order of its joints
    "root_orient": 3,
    "pose_body": 63,
    "pose_jaw": 3,
    "pose_eye": 6,
    "pose_hand": 90,
}


class UnclearAxisError(ValueError):
    """The vertical axis of a motion file cannot be told from its poses; the message is for Python.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the vertical axis is unclear; give up='z' (AMASS, SURREAL) or up='y' (BEDLAM)"
        )
        self.path = path


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of one person in T frames.

    Raises:
        ValueError: A wrong shape, or infinite or NaN numbers; the message names the array.
    """

    name: str
    poses: NDArray[
        np.float64
    ]  # (T, J, 3) axis-angle, rad; the first joint is the root's orientation in the world
    translations: NDArray[np.float64]  # (T, 3) m
    betas: NDArray[np.float64]  # (B,) of the model family the file was made for
    gender: str  # 'female', 'male' or 'neutral'
    fps: float | None  # None where the file does not say; only motion blur needs it
    up: str = "z"  # the world's vertical axis: 'z', or 'y' as yet

    def __post_init__(self) -> None:
        if self.poses.ndim != 3 or self.poses.shape[2] != 3 or len(self.poses) == 0:
            raise ValueError(f"poses: shape {self.poses.shape}, expected (T, J, 3) with T > 0")
        family_of(self.poses.shape[1])
        if self.translations.shape != (len(self.poses), 3):
            raise ValueError(
                f"translations: shape {self.translations.shape}, expected ({len(self.poses)}, 3)"
            )
        if self.betas.ndim != 1:
            raise ValueError(f"betas: shape {self.betas.shape}, expected (B,)")
        for name, limit in _LARGEST.items():
            largest = np.abs(getattr(self, name)).max(initial=0.0)
            if not np.isfinite(largest):
                raise ValueError(f"{name}: not all finite")
            if largest > limit:
                raise ValueError(f"{name}: numbers up to {largest:.3g}, expected up to {limit:g}")
        if self.fps is not None and not 0.01 <= self.fps <= 1e5:
            raise ValueError(f"fps: {self.fps}, expected 0.01 to 100000 frames per second")
        if self.up not in ("y", "z"):
            raise ValueError(f"up: {self.up!r}, expected 'y' or 'z'")

    def __len__(self) -> int:
        return len(self.poses)

    def z_up(self, pelvis: ArrayLike = (0.0, 0.0, 0.0)) -> Motion:
        """The motion in a Z-up world.

        The root turns about the pelvis and not about the origin: a root-driven point is v = R (x -
        p) + p + t, and turning the world by U makes that (U R)(x - p) + p + t' only for t' = U (p +
        t) - p. Without `pelvis` the track is exact up to the constant shift U p - p of the whole,
        some decimetres, which does not matter where the feet are put on the ground anyway.

        Args:
            pelvis: (3,) root joint of the shaped body at rest, `model.rest_joints(betas)[0]`, m.
        """
        if self.up == "z":
            return self
        U, p = Y_UP_TO_Z_UP, np.asarray(pelvis, dtype=np.float64)
        if p.shape != (3,) or not np.isfinite(p).all():
            raise ValueError(f"pelvis: expected 3 finite numbers, got {pelvis!r}")
        poses = self.poses.copy()
        poses[:, 0] = matrix_to_axis_angle(U @ rodrigues(self.poses[:, 0]))
        return dataclasses.replace(
            self, poses=poses, translations=(self.translations + p) @ U.T - p, up="z"
        )

    def fitted(self, family: str, hands_mean: ArrayLike | None = None) -> Motion:
        """The motion for the joints of another model family; see joints.fit_pose."""
        return dataclasses.replace(self, poses=fit_pose(self.poses, family, hands_mean))


def read_motion(path: str | Path, up: Up = "auto", fps: float | None = None) -> Motion:
    """Read a motion from an AMASS (SMPL-H or SMPL-X "stageii") or BEDLAM .npz.

    The motion stays in the file's axes; `Motion.z_up` turns it.

    Args:
        path: The file.
        fps: Frame rate, for files without one; it takes precedence over theirs.
        up: The file's vertical axis. 'auto' takes the axis along which the bodies' own up direction
            points, on average over the frames; a person who mostly lies or hangs upside down is
            refused.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: The file cannot be used; the message names it, the fault and the remedy.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise ValueError(f"{path}: a motion is a .npz file of AMASS or BEDLAM")
    arrays = Archive(path)
    poses = _poses(arrays, path)
    frames = len(poses)
    translations = _numbers(arrays, "trans", path) if "trans" in arrays else np.zeros((frames, 3))
    betas = _numbers(arrays, "betas", path) if "betas" in arrays else np.zeros(0)
    if betas.ndim == 2 and len(betas) > 0:  # some files repeat them for each frame
        betas = betas[0]
    rate = fps if fps is not None else _rate(arrays, path)
    return _motion(path, path.stem, poses, translations, betas, _gender(arrays), rate, up)


def is_motion(path: str | Path) -> bool:
    """Whether a file holds motions and not a body model, by the names of its arrays; a .pkl never
    does.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: The file is damaged, or neither; the message names it.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        return False
    arrays = Archive(path)
    motion = any(key in ("poses", "root_orient") or key.startswith("pose_") for key in arrays)
    if not motion and "v_template" not in arrays:
        raise ValueError(
            f"{path}: neither a body model nor a motion; give one of SMPL, SMPL-X, AMASS or BEDLAM"
        )
    return "v_template" not in arrays


class MotionFile(Sequence[Motion]):
    """The motions in one file, each read when it is asked for: one in AMASS's and BEDLAM's files,
    thousands in SURREAL's.
    """

    def __init__(self, path: str | Path, up: Up = "auto", fps: float | None = None):
        self._path, self._up, self._fps = Path(path), up, fps
        single = self._path.suffix.lower() != ".npz" or "poses" in (arrays := Archive(self._path))
        self._sequences = [] if single else _sequences(arrays)

    def __len__(self) -> int:
        return len(self._sequences) or 1

    @overload
    def __getitem__(self, index: int) -> Motion: ...
    @overload
    def __getitem__(self, index: slice) -> list[Motion]: ...
    def __getitem__(self, index: int | slice) -> Motion | list[Motion]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]  # IndexError, and counting from the end
        if not self._sequences:
            return read_motion(self._path, self._up, self._fps)
        fps = SURREAL_FPS if self._fps is None else self._fps
        return read_surreal(self._path, self._sequences[number], self._up, fps)


def load_motions(path: str | Path, up: Up = "auto", fps: float | None = None) -> MotionFile:
    """The motions in a .npz file of AMASS, BEDLAM or SURREAL, in a fixed order, each read when it
    is asked for.

    Arguments and errors are those of `read_motion`; a fault of one motion shows when it is read.
    """
    return MotionFile(path, up, fps)


def surreal_sequences(path: str | Path) -> list[str]:
    """Names of the sequences in SURREAL's smpl_data.npz, sorted."""
    return _sequences(Archive(path))


def read_surreal(
    path: str | Path, sequence: str, up: Up = "auto", fps: float = SURREAL_FPS
) -> Motion:
    """Read one sequence of SURREAL's smpl_data.npz, with betas 0: the shapes are a list of their
    own, see `surreal_shapes`.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: The file has no such sequence, or is damaged; the message names it.
    """
    path = Path(path)
    arrays = Archive(path)
    missing = [key for key in (f"pose_{sequence}", f"trans_{sequence}") if key not in arrays]
    if missing:
        raise ValueError(
            f"{path}: no {' or '.join(missing)}; surreal_sequences lists the sequences it has"
        )
    poses = _joint_rows(_numbers(arrays, f"pose_{sequence}", path), f"pose_{sequence}", path)
    translations = _numbers(arrays, f"trans_{sequence}", path)
    return _motion(path, sequence, poses, translations, np.zeros(0), "neutral", fps, up)


def surreal_shapes(path: str | Path, gender: str) -> NDArray[np.float64]:
    """(N, 10) betas of the 'female' or 'male' persons in SURREAL's smpl_data.npz."""
    if gender not in ("female", "male"):
        raise ValueError(f"gender: {gender!r}, expected 'female' or 'male'")
    path = Path(path)
    key = f"{gender}shapes"
    arrays = Archive(path)
    if key not in arrays:
        raise ValueError(f"{path}: no {key}; give SURREAL's smpl_data.npz")
    shapes = _numbers(arrays, key, path)
    if shapes.ndim != 2 or len(shapes) == 0 or not np.isfinite(shapes).all():
        raise ValueError(
            f"{path}: {key}: expected finite numbers of shape (N, 10), got {shapes.shape}"
        )
    return shapes


def guess_up(root_orient: ArrayLike) -> str | None:
    """'y' or 'z', the axis along which bodies with these root orientations (T, 3) stand; None where
    it is unclear.

    The body's own up is +Y; its mean direction in the world must lie within 45° of +Y or +Z. A body
    that is upright half the time still has a mean in the right direction; one that lies on the
    floor throughout has not.
    """
    up = rodrigues(np.reshape(root_orient, (-1, 3)))[:, :, 1].mean(axis=0)  # R (0, 1, 0)
    length = np.linalg.norm(up)
    if length < 0.3:
        return None
    cosine = np.cos(np.radians(45))
    if up[1] > cosine * length:
        return "y"
    return "z" if up[2] > cosine * length else None


def _sequences(arrays: Mapping[str, Any]) -> list[str]:
    names = (key.removeprefix("pose_") for key in arrays if key.startswith("pose_"))
    return sorted(name for name in names if f"trans_{name}" in arrays)


def _motion(
    path: Path,
    name: str,
    poses: NDArray[np.float64],
    translations: NDArray[np.float64],
    betas: NDArray[np.float64],
    gender: str,
    fps: float | None,
    up: Up,
) -> Motion:
    if up not in ("y", "z", "auto"):
        raise ValueError(f"up: {up!r}, expected 'y', 'z' or 'auto'")
    try:
        motion = Motion(name, poses, translations, betas, gender, fps, "z")
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}; the file is damaged or no motion, download it again"
        ) from None
    axis = guess_up(poses[:, 0]) if up == "auto" else up
    if axis is None:
        raise UnclearAxisError(path)
    return dataclasses.replace(motion, up=axis)


def _poses(arrays: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    if "poses" in arrays:
        return _joint_rows(_numbers(arrays, "poses", path), "poses", path)
    if "root_orient" not in arrays or "pose_body" not in arrays:
        raise ValueError(
            f"{path}: no poses; give a motion file of AMASS or BEDLAM (shape.npz holds none)"
        )
    frames = len(_numbers(arrays, "root_orient", path).reshape(-1, 3))
    parts = []
    for key, width in _POSE_PARTS.items():
        part = _numbers(arrays, key, path) if key in arrays else np.zeros((frames, width))
        if part.shape != (frames, width):
            raise ValueError(f"{path}: {key}: shape {part.shape}, expected ({frames}, {width})")
        parts.append(part)
    return _joint_rows(np.concatenate(parts, axis=1), "poses", path)


def _joint_rows(poses: NDArray[np.float64], key: str, path: Path) -> NDArray[np.float64]:
    """(T, 3J) as (T, J, 3). An array (T, J, 3) is returned as it is."""
    if poses.ndim == 3 and poses.shape[2] == 3:
        return poses
    if poses.ndim != 2 or poses.shape[1] % 3:
        raise ValueError(f"{path}: {key}: shape {poses.shape}, expected (T, 3 J)")
    return poses.reshape(len(poses), poses.shape[1] // 3, 3)


def _numbers(arrays: Mapping[str, Any], key: str, path: Path) -> NDArray[np.float64]:
    value = arrays[key]
    if value.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: {key}: expected numbers, got {value.dtype}; download the file again"
        )
    if value.size > _MAX_NUMBERS:
        raise ValueError(f"{path}: {key}: {value.size} numbers, more than any motion has")
    return value.astype(np.float64)


def _rate(arrays: Mapping[str, Any], path: Path) -> float | None:
    """The file's frame rate; None where it has none."""
    for key in RATE_KEYS:
        if key in arrays:
            value = _numbers(arrays, key, path)
            if value.size != 1 or not np.isfinite(value).all() or value.item() <= 0:
                raise ValueError(f"{path}: {key}: {value}, expected frames per second above 0")
            return float(value.item())
    return None


def _gender(arrays: Mapping[str, Any]) -> str:
    """The file's gender, a string or bytes in a 0-d or one-element array; neutral if it is none
    that we know.
    """
    if "gender" not in arrays:
        return "neutral"
    try:
        text = plain_text(arrays["gender"])
    except ValueError:  # a Python object
        return "neutral"
    return gender_word(text) or "neutral"
