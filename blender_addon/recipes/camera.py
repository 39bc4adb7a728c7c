"""The recipe's section about the camera and its lens."""

from __future__ import annotations

from dataclasses import dataclass

from .distributions import Distribution
from .fields import number, one_of, switch, vary


@dataclass(frozen=True)
class Camera:
    enabled: bool = switch(True, "Vary the camera; off: each value below at its middle")
    distance: Distribution = vary(
        {"log": [2.0, 9.0]}, "Distance from the camera to a person along the ground, m", 0.3, 500
    )
    height: Distribution = vary([0.8, 2.2], "Height above the ground, m", 0.05, 100)
    yaw: Distribution = vary([0, 360], "Compass direction, degrees", -360, 360)
    aim: str = one_of(
        "people",
        "Target of the camera at pitch 0: the people or the horizon",
        ("people", "horizon"),
    )
    pitch: Distribution = vary({"normal": [0, 4]}, "Angle upwards from the aim, degrees", -89, 89)
    roll: Distribution = vary(
        {"normal": [0, 2]}, "Angle about the viewing axis, degrees", -180, 180
    )
    fov: Distribution = vary(
        [35, 70], "Horizontal field of view, degrees; not used when `lens` is given", 2, 150
    )
    lens: Distribution | None = vary(None, "Focal length, mm", 1, 2000, example=[24, 70])
    sensor_width: float = number(36.0, "Width of the sensor, mm; used with `lens`", 1.0, 200.0)
    depth_of_field: float = number(0.15, "Share of images with depth of field", 0.0, 1.0)
    f_stop: Distribution = vary(
        {"log": [1.4, 8]}, "Aperture number of images with depth of field", 0.5, 64
    )
    motion_blur: float = number(0.1, "Share of images with motion blur", 0.0, 1.0)
    shutter: Distribution = vary(
        {"log": [0.004, 0.04]}, "Exposure time of images with motion blur, s", 0.0001, 1
    )
    shake: float = number(
        0.1, "Share of images from an unsteady hand; they have motion blur", 0.0, 1.0
    )
    shake_speed: Distribution = vary(
        {"log": [0.5, 12]}, "Speed at which an unsteady hand turns the camera, degrees/s", 0, 360
    )
    distortion: float = number(
        0.4, "Share of images whose lens bends straight lines; 0: none does", 0.0, 1.0
    )
    projection: str = one_of(
        "auto",
        "Model of lenses that distort; auto: fisheye from 100 degrees of `fov` on",
        ("auto", "rectilinear", "fisheye"),
    )
    bend: Distribution = vary(
        {"normal": [-0.03, 0.03], "min": -0.15, "max": 0.06},
        "k1 of rectilinear lenses, as OpenCV's: below 0 barrel, above 0 pincushion",
        -0.5,
        0.5,
    )
    decentering: Distribution = vary(
        {"normal": [0, 0.0005]}, "p1 and p2 of rectilinear lenses, as OpenCV's", -0.02, 0.02
    )
    fisheye: Distribution = vary(
        [-0.05, 0.05],
        "k1 of fisheye lenses, as OpenCV's: 0 equidistant, 0.08 stereographic",
        -0.15,
        0.1,
    )
