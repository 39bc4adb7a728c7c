"""LightSpec -> world, sun and the lamps of a room. The world's node tree is built once; frames set
its values.
"""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import mathutils
import numpy as np
from numpy.typing import NDArray

from ..scene.spec import BackgroundSpec, Color, LightSpec, Vec3
from .images import ImageCache, read_pixels
from .lamps import PlaceLamps
from .nodes import Nodes, change, clear_tree, show_image
from .shading import set_harmonics

BUILTIN = "builtin:"

# Cycles samples the world's light from a table that it builds at each change. One as fine as a
# panorama takes seconds per frame; a coarse one misses the sun and makes speckles. So the camera
# sees the panorama itself, and all other rays a copy whose pixels are exactly the cells of the
# table: it is not interpolated, and turned by whole cells, so that no light falls between cells and
# 16 samples are enough.
_LIGHT_WIDTH = 256

# Light on level ground, over π, of every world at strength 1: a white wall then reflects 1.
_WORLD_LEVEL = 1.0
# The same of this sky before scaling (measured with the default turbidity, sun at 45 degrees).
_SKY_LEVEL = 0.067
# The high sun on a clear day over that, on a surface that faces it.
_CLEAR_SUN = 5.0
# W of the panels and of the window of a room for each m² of its floor.
_CEILING = 2.4
_WINDOW = 1.2
# Share of grey in the sky: a camera outdoors takes the sum of sun and sky for white.
_SKY_GREY = 0.4


def hdri_path(name: str) -> Path:
    """The file of an HDRI: 'builtin:city' ships with Blender, anything else is a path.

    Raises:
        FileNotFoundError: There is no file; the message names it, and lists Blender's for a
        builtin.
    """
    if name.startswith(BUILTIN):
        folder = Path(bpy.utils.system_resource("DATAFILES", path="studiolights/world"))
        path = folder / f"{name.removeprefix(BUILTIN)}.exr"
        if not path.is_file():
            names = ", ".join(sorted(file.stem for file in folder.glob("*.exr")))
            raise FileNotFoundError(
                f"light.hdri: no {name!r}; Blender ships {names or 'none here'}"
            )
        return path
    path = Path(name)
    if not name or not path.is_file():
        raise FileNotFoundError(f"light.hdri: file not found: {name!r}")
    return path


class StageLight:
    """The world and the lamps of `scene`."""

    def __init__(
        self,
        scene: bpy.types.Scene,
        images: ImageCache,
        collection: bpy.types.Collection | None = None,
    ) -> None:
        """Make world and lamps; the lamps go to `collection`, by default the scene's own."""
        collection = collection or scene.collection
        self._images = images
        self._level: dict[Path, float] = {}
        self._cast: dict[Path, Color] = {}
        self._neutral = False  # whether a panorama lights without its own colour
        self.world = bpy.data.worlds.new("PII world")
        self._build(clear_tree(self.world))
        # recipe.LIGHT_KINDS names them; a test fails when the two differ.
        self.kinds = {
            "hdri": self._hdri,
            "sun_sky": self._sun_sky,
            "spherical_harmonics": self._harmonics,
        }
        self.world.cycles.sampling_method = "MANUAL"
        self.world.cycles.sample_map_resolution = _LIGHT_WIDTH
        scene.world = self.world

        self.sun = _lamp(collection, bpy.data.lights.new("PII sun", "SUN"))
        # One lamp, four objects: panels a quarter of the room from its walls light it evenly.
        panel = bpy.data.lights.new("PII ceiling lamp", "AREA")
        self.ceiling = [_lamp(collection, panel) for _ in range(4)]
        self.window = _lamp(collection, bpy.data.lights.new("PII window", "AREA"))
        for obj in (*self.ceiling, self.window):
            obj.data.shape = "RECTANGLE"
            obj.visible_camera = True
        self.place_lamps = PlaceLamps(collection)

    @property
    def lamps(self) -> list[bpy.types.Object]:
        """All lamps, also those without light."""
        return [self.sun, *self.ceiling, self.window, *self.place_lamps.objects]

    def apply(self, light: LightSpec, background: BackgroundSpec) -> None:
        """Light the scene.

        Raises:
            ValueError: An unknown kind of light, or a HDRI that is black.
            FileNotFoundError: The HDRI is missing.
        """
        if light.kind not in self.kinds:
            raise ValueError(f"light.kind: {light.kind!r}, expected one of {', '.join(self.kinds)}")
        harmonic = light.kind == "spherical_harmonics"
        self.place_lamps.apply(() if harmonic else background.lamps, light.strength)
        self._seen_only(background.kind == "place" and background.indoors and not harmonic)
        if background.kind == "room" and not harmonic:
            self._room(light, background.room_size)
        elif background.indoors and not harmonic:
            self._dark()
            self._show_outside(light, background)
            for obj in (self.ceiling[0], self.window):
                change(obj.data, "energy", 0.0)
        else:
            self._neutral = background.photo_match is not None
            self.kinds[light.kind](light)
            for obj in (self.ceiling[0], self.window):
                change(obj.data, "energy", 0.0)
        set_harmonics(light.coefficients if light.kind == "spherical_harmonics" else None)

    def _hdri(self, light: LightSpec) -> None:
        path = hdri_path(light.hdri)
        level = self._load(path)
        cell = 360.0 / _LIGHT_WIDTH
        for turn, degrees in (
            (self._seen_turn, light.hdri_rotation),
            (self._lighting_turn, cell * round(light.hdri_rotation / cell)),
        ):
            change(turn.inputs["Rotation"], "default_value", (0.0, 0.0, -math.radians(degrees)))
        # The camera of a photo has balanced the colour of its light; its exposure brings the rest.
        r, g, b = self._cast[path] if self._neutral else (1.0, 1.0, 1.0)
        color = _times(light.color, (1 / r, 1 / g, 1 / b))
        self._show(1.0, color, light.strength / level)
        self._sun(light, light.color, light.strength * light.sun_strength)

    def _sun_sky(self, light: LightSpec) -> None:
        # Below the horizon the sky model is undefined.
        toward = sun_direction(max(light.sun_elevation, 0.5), light.sun_azimuth)
        change(self._sky, "sun_direction", toward)
        change(self._sky, "turbidity", min(max(light.turbidity, 1.0), 10.0))
        self._show(0.0, light.color, light.strength / _SKY_LEVEL)
        tint = _times(light.color, daylight_color(light.sun_elevation))
        up = light.sun_elevation > 0.0
        self._sun(light, tint, light.strength * (light.sun_strength or _CLEAR_SUN) if up else 0.0)

    def _harmonics(self, light: LightSpec) -> None:
        self._dark()

    def _dark(self) -> None:
        """Switch world and sun off. The panorama stays loaded for the next image that needs it."""
        self._show(0.0, (0.0, 0.0, 0.0), 0.0)
        change(self.sun.data, "energy", 0.0)

    def _seen_only(self, only: bool) -> None:
        """Show the world to the camera alone, through the windows of a place: lamps at the windows
        stand for its light, since light through openings needs hundreds of samples.
        """
        change(self._only_seen.outputs[0], "default_value", 1.0 if only else 0.0)
        method = "NONE" if only else "MANUAL"
        if self.world.cycles.sampling_method != method:
            self.world.cycles.sampling_method = method

    def _show_outside(self, light: LightSpec, background: BackgroundSpec) -> None:
        """Show the panorama in the openings of a room, or nothing without any."""
        if not background.openings or background.outside <= 0.0 or light.kind != "hdri":
            return
        path = hdri_path(light.hdri)
        level = self._load(path)
        turn = (0.0, 0.0, -math.radians(light.hdri_rotation))
        change(self._seen_turn.inputs["Rotation"], "default_value", turn)
        self._show(1.0, light.color, light.strength * background.outside / level)

    def _load(self, path: Path) -> float:
        """Load a panorama, for the camera and for the light, and return its level on the ground."""
        seen, lighting = self._images.get(path), self._images.get(path, width=_LIGHT_WIDTH)
        if path not in self._level:
            pixels = read_pixels(lighting)
            if not pixels[..., :3].any():
                raise ValueError(f"light.hdri: {path}: this panorama is black; it gives no light")
            self._level[path] = level_on_ground(pixels)
            self._cast[path] = cast_on_ground(pixels)
        show_image(self._seen, seen)
        show_image(self._lighting, lighting)
        return self._level[path]

    def _room(self, light: LightSpec, size: Vec3) -> None:
        """Light a room by four panels under the ceiling and a large window in the wall that the
        light's azimuth chooses.

        Walls keep the world out: light that enters through openings needs hundreds of samples to
        look clean.
        """
        self._dark()
        w, d, h = size
        panel, window = self.ceiling[0].data, self.window.data
        panel.size, panel.size_y = 0.1 * w, 0.1 * d
        panel.color = light.color
        # A panel's energy per area of floor: rooms of all sizes are equally bright.
        panel.energy = light.strength * _CEILING * w * d / 4
        for obj, (i, j) in zip(self.ceiling, ((-1, -1), (-1, 1), (1, -1), (1, 1)), strict=True):
            obj.location = (i * w / 4, j * d / 4, h - 0.02)

        azimuth = light.hdri_rotation if light.kind == "hdri" else light.sun_azimuth
        x, y, _ = sun_direction(0.0, azimuth)
        along_x = abs(x) * d > abs(y) * w  # the ray from the middle leaves through a wall across x
        width = 0.4 * (d if along_x else w)
        window.size, window.size_y = width, 0.5 * h
        window.color = (
            light.color
            if light.kind == "hdri"
            else _times(light.color, daylight_color(light.sun_elevation))
        )
        window.energy = light.strength * _WINDOW * w * d
        out = mathutils.Vector(
            (math.copysign(1.0, x), 0.0, 0.0) if along_x else (0.0, math.copysign(1.0, y), 0.0)
        )
        self.window.location = (out.x * (w / 2 - 0.03), out.y * (d / 2 - 0.03), 0.55 * h)
        self.window.rotation_euler = out.to_track_quat("Z", "Y").to_euler()

    def _show(self, panorama: float, color: Color, strength: float) -> None:
        """Light the world by the panorama (1) or by the sky (0)."""
        change(self._is_panorama.outputs[0], "default_value", panorama)
        change(self._strength.outputs[0], "default_value", strength * _WORLD_LEVEL)
        change(self._color.outputs[0], "default_value", (*color, 1.0))

    def _sun(self, light: LightSpec, color: Color, over_sky: float) -> None:
        """Set the sun so that a surface facing it gets `over_sky` times the world's light on level
        ground.

        Without a sun its energy is 0: hiding it would rebuild the dependency graph.
        """
        lamp = self.sun.data
        change(lamp, "energy", over_sky * _WORLD_LEVEL * math.pi)
        if over_sky > 0.0:
            lamp.color = color
            lamp.angle = math.radians(light.sun_angle)
            toward = mathutils.Vector(sun_direction(light.sun_elevation, light.sun_azimuth))
            self.sun.rotation_euler = toward.to_track_quat("Z", "Y").to_euler()

    def _build(self, n: Nodes) -> None:
        """Build the tree: a closure for the camera's rays and one for all others, since Cycles
        skips the nodes that only the other one needs.
        """
        direction = n.node("ShaderNodeTexCoord").outputs["Generated"]

        self._seen, self._lighting = (n.node("ShaderNodeTexEnvironment") for _ in range(2))
        self._seen_turn, self._lighting_turn = (n.node("ShaderNodeMapping") for _ in range(2))
        self._lighting.interpolation = "Closest"
        for turn, texture in ((self._seen_turn, self._seen), (self._lighting_turn, self._lighting)):
            n.put(direction, turn.inputs["Vector"])
            n.put(turn.outputs[0], texture.inputs["Vector"])

        # The sky has no lower half: below the horizon its haze continues, and the ground fades into
        # it.
        x, y, z = n.split(direction)
        self._sky = n.node("ShaderNodeTexSky", sky_type="HOSEK_WILKIE", ground_albedo=0.3)
        n.put(n.join(x, y, n.math("MAXIMUM", z, 0.01)), self._sky.inputs["Vector"])
        sky = n.mix(_SKY_GREY, self._sky.outputs[0], n.grey(self._sky.outputs[0]))

        self._is_panorama = n.node("ShaderNodeValue")
        self._color = n.node("ShaderNodeRGB")
        self._strength = n.node("ShaderNodeValue")
        self._only_seen = n.node("ShaderNodeValue")
        self._only_seen.outputs[0].default_value = 0.0
        for_all = n.math("SUBTRACT", 1.0, self._only_seen.outputs[0])
        closures = []
        for texture, share in ((self._lighting, for_all), (self._seen, 1.0)):
            radiance = n.mix(self._is_panorama.outputs[0], sky, texture.outputs["Color"])
            tinted = n.vector("MULTIPLY", radiance, self._color.outputs[0])
            emission = n.node("ShaderNodeBackground")
            scaled = n.vector("SCALE", tinted, self._strength.outputs[0])
            n.put(scaled, emission.inputs["Color"])
            n.put(share, emission.inputs["Strength"])
            closures.append(emission.outputs[0])
        for_camera = n.node("ShaderNodeLightPath").outputs["Is Camera Ray"]
        world = n.mix_shader(for_camera, *closures)
        n.put(world, n.node("ShaderNodeOutputWorld").inputs["Surface"])


def sun_direction(elevation: float, azimuth: float) -> tuple[float, float, float]:
    """Unit vector towards the sun. Degrees; azimuth 0 is +Y and grows counter-clockwise, as a
    camera's yaw.
    """
    e, a = math.radians(elevation), math.radians(azimuth)
    return (-math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), math.sin(e))


def daylight_color(elevation: float) -> Color:
    """Colour and strength of the sun, 1 at most: nearly white when high, orange and weak near the
    horizon, where its light passes more air.

    Beer's law: air mass 1 / sin(elevation), held below 10, times an optical depth for red, green
    and blue near that of a clear sky. The high sun is a little warm, because sun and blue sky
    together are white.
    """
    air = min(1.0 / max(math.sin(math.radians(elevation)), 1e-3), 10.0)
    return (
        math.exp(-0.08 * (air - 1)),
        0.94 * math.exp(-0.14 * (air - 1)),
        0.84 * math.exp(-0.25 * (air - 1)),
    )


def level_on_ground(pixels: NDArray[np.float32]) -> float:
    """Light of a panorama on level ground, over π: the cosine-weighted mean radiance of its upper
    half, as luminance; at least 1e-6.

    Args:
        pixels: (H, W, ≥ 3) equirectangular, bottom row first.
    """
    height = len(pixels)
    luminance = pixels[height // 2 :, :, :3].mean(axis=1) @ np.array([0.2126, 0.7152, 0.0722])
    elevation = (np.arange(height // 2, height) + 0.5) / height * np.pi - np.pi / 2
    weight = np.sin(elevation) * np.cos(elevation)
    return max(float(np.sum(luminance * weight) / np.sum(weight)), 1e-6)


def cast_on_ground(pixels: NDArray[np.float32]) -> Color:
    """Colour of the light of a panorama from above, of luminance 1; each channel within .3 to 3.

    Args:
        pixels: (H, W, ≥ 3) equirectangular, bottom row first.
    """
    height = len(pixels)
    elevation = (np.arange(height // 2, height) + 0.5) / height * np.pi - np.pi / 2
    color = np.cos(elevation) @ pixels[height // 2 :, :, :3].mean(axis=1).astype(np.float64)
    color /= max(float(color @ (0.2126, 0.7152, 0.0722)), 1e-9)
    r, g, b = (float(value) for value in np.clip(color, 0.3, 3.0))
    return (r, g, b)


def _times(a: Color, b: Color) -> Color:
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2])


def _lamp(collection: bpy.types.Collection, data: bpy.types.Light) -> bpy.types.Object:
    obj = bpy.data.objects.new(data.name, data)
    data.energy = 0.0
    collection.objects.link(obj)
    return obj
