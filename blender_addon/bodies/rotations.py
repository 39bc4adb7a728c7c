"""Axis-angle vectors and rotation matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rodrigues(axis_angle: ArrayLike) -> NDArray[np.float64]:
    """exp(ω): rotation matrices (..., 3, 3) of axis-angle vectors (..., 3), rad. SMPL paper, Eq. 1.

    R = I + sin‖ω‖/‖ω‖ [ω]× + (1 - cos‖ω‖)/‖ω‖² [ω]×². Both factors are sinc functions, smooth and
    exact at 0, so no small angle needs a case of its own.
    """
    w = np.asarray(axis_angle, dtype=np.float64)
    if w.shape[-1:] != (3,):
        raise ValueError(f"axis_angle: shape {w.shape}, expected (..., 3)")
    angle = np.sqrt((w * w).sum(axis=-1))[..., None, None]
    K = np.zeros((*w.shape[:-1], 3, 3))
    K[..., 0, 1], K[..., 0, 2], K[..., 1, 2] = -w[..., 2], w[..., 1], -w[..., 0]
    K[..., 1, 0], K[..., 2, 0], K[..., 2, 1] = w[..., 2], -w[..., 1], w[..., 0]
    first = np.sinc(angle / np.pi)  # numpy's sinc is sin(πx)/(πx)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # 1 - cos a = 2 sin²(a/2)
    return np.eye(3) + first * K + second * product(K, K)


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """left @ right, (..., I, J) and (..., J, K), summed in one order.

    `@` is BLAS', whose order depends on the number of threads; an image would depend on --jobs.
    """
    return np.einsum("...ij,...jk->...ik", left, right)


def about_z(angle: float) -> NDArray[np.float64]:
    """The rotation matrix (3, 3) of a turn by `angle` (rad) about Z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def matrix_to_axis_angle(R: ArrayLike) -> NDArray[np.float64]:
    """log(R): axis-angle vectors (..., 3) of rotation matrices (..., 3, 3), with angles in 0..π
    rad.

    By way of the unit quaternion whose largest component is taken from the diagonal (Shepperd
    1978), so it is as exact near 0 and π as elsewhere. At π both axes are right; either may come
    back.
    """
    m = np.asarray(R, dtype=np.float64)
    if m.shape[-2:] != (3, 3):
        raise ValueError(f"R: shape {m.shape}, expected (..., 3, 3)")
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x_w, y_w, z_w = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    x_y, x_z, y_z = (
        m[..., 0, 1] + m[..., 1, 0],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 1, 2] + m[..., 2, 1],
    )
    # Row i is 4 q_i q, for q = (w, x, y, z); the diagonal holds 4 q_i².
    rows = np.stack(
        [
            np.stack([1 + xx + yy + zz, x_w, y_w, z_w], axis=-1),
            np.stack([x_w, 1 + xx - yy - zz, x_y, x_z], axis=-1),
            np.stack([y_w, x_y, 1 - xx + yy - zz, y_z], axis=-1),
            np.stack([z_w, x_z, y_z, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    largest = np.argmax(np.diagonal(rows, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(rows, largest[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    q = np.where(q[..., :1] < 0, -q, q)  # w ≥ 0: the shorter way round
    w, v = q[..., :1], q[..., 1:]
    sine = np.linalg.norm(v, axis=-1, keepdims=True)
    # angle / sin(angle/2), whose limit at 0 is 2
    return v * np.where(sine > 0, 2 * np.arctan2(sine, w) / np.where(sine > 0, sine, 1), 2.0)
