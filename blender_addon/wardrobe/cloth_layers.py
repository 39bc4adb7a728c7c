"""The surface of each layer of clothes over a body at rest, as offsets of the body's vertices.

`shell.outfit_offsets` moves one surface for all clothes together; here each layer is a surface of
its own that lies outside those beneath it, and keeps its distance up to its edge. `cut_mesh` then
cuts the garment out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .chart import ARM_LENGTH, LEVEL_HEIGHT, REFERENCE_HEIGHT
from .coverage import hair_cut, hair_field, layer_field, numpy_chart
from .drape import LEGS, TRUNK, over_hollows
from .garment_kind import LAYERS, Kind
from .garments import KINDS
from .outfit import Garment, Outfit
from .shell import brim_offset, fold_noise, hair_offset, rise, shoe_offset

Array = np.ndarray

HAIR = "hair"
_MARGIN = 0.09  # rm outside of its edge up to which a layer has a surface: any edge of the mesh
_OUTLINE = (40, 36)  # rows and columns of the outline of a body over whose hollows cloth lies
CLEARANCE = 0.0025  # rm that every layer keeps from the one beneath it, so that none shows through
SKIRT_LEVEL = -0.02  # level at which a skirt leaves the body and hangs
_HIDDEN = 0.03  # rm inside the edge of a layer, from where on nothing beneath it shows
_UNDER_SKIRT = 0.45  # levels above the hem of a closed skirt, from where on the same holds


@dataclass(frozen=True)
class ClothLayer:
    """One layer of clothes, or the hair.

    Attributes:
        name: One of garment_kind.LAYERS, or HAIR.
        garment: None for hair.
        field: (V,) rm, positive where the layer lies on the body.
        offset: (V, 3) m from the body at rest to the layer's outer surface.
        fold: (V,) m for each rm that a fold stands out (`folds`): how easily the cloth folds.
        hangs: Whether it goes on below as a skirt, from SKIRT_LEVEL on.
    """

    name: str
    garment: Garment | None
    field: Array
    offset: Array
    fold: Array
    hangs: bool = False


def cloth_layers(chart: Mapping[str, Array], outfit: Outfit, shaped: Array) -> list[ClothLayer]:
    """List the layers that an outfit has, from the skin outwards, hair last but for the hat.

    Args:
        chart: The body chart.
        outfit: The clothes.
        shaped: (V, 3) m, the person's own body at rest.
    """
    c = numpy_chart(chart)
    scale = float(np.ptp(shaped[:, 1])) / REFERENCE_HEIGHT
    return list(_Layers(c, outfit, shaped / scale, scale))


def outermost(layers: Sequence[ClothLayer], shaped: Array) -> Array:
    """(V, 3) m: the surface of the clothes over a body at rest; hair and hat lie over it."""
    out = np.array(shaped, dtype=np.float64)
    for layer in layers:
        if layer.name not in ("hat", HAIR):
            on = np.flatnonzero(layer.field > 0)
            out[on] = shaped.take(on, axis=0) + layer.offset.take(on, axis=0)
    return out


def hidden_under(chart: Mapping[str, Array], layer: ClothLayer) -> Array:
    """(V,) bool: where nothing that lies beneath a layer can be seen.

    A skirt slides up over bent knees, so that only what is far above its hem is hidden; in front of
    the legs an open coat hides nothing.
    """
    hidden = np.asarray(layer.field > _HIDDEN)
    garment = layer.garment
    if layer.hangs and garment is not None and garment.opening < 0:
        level = chart["level"]
        above = (level > garment.hem + _UNDER_SKIRT) & (level < SKIRT_LEVEL + 0.1)
        hidden = hidden | (above & (chart["arm"] < 0))
    return hidden


class _Layers:
    """Puts one layer over the other."""

    def __init__(self, c: Mapping[str, Array], outfit: Outfit, body: Array, scale: float) -> None:
        self.c, self.outfit, self.scale = c, outfit, scale
        V = len(body)
        self.thickness, self.slack = np.zeros(V), np.zeros(V)
        self.folds = fold_noise(c, outfit.seed)
        self.on_trunk = np.clip((c["level"] + 0.25) * 8, 0.0, 1.0)
        self.trunk_hangs, self.legs_hang = np.zeros(V), np.zeros(V)
        self.fold = np.zeros(V, np.float32)
        self.floor = np.zeros(V)  # rm that a layer is away from the skin at least
        self._hollows = {
            tube: (*np.ascontiguousarray(direction.T), tight, hanging)
            for tube, (direction, tight, hanging) in (
                ("trunk", over_hollows(body, c, "trunk", TRUNK, 0.07, _OUTLINE, 0.02)),
                ("legs", over_hollows(body, c, "legs", LEGS, 0.028, _OUTLINE)),
            )
        }

    def __iter__(self) -> Iterator[ClothLayer]:
        for name in LAYERS:
            # A shell of hair lies over all but the hat; hair in locks is no layer.
            if name == "hat" and self.outfit.hair.volume > 0 and not self.outfit.locks:
                yield self._hair()
            garment = self.outfit.worn(name)
            if garment is not None:
                yield self._layer(name, garment)

    def _layer(self, name: str, garment: Garment) -> ClothLayer:
        c, kind = self.c, KINDS[garment.kind]
        field = np.asarray(layer_field(c, garment), dtype=np.float64)
        hangs = kind.skirt
        if hangs:
            field = np.minimum(field, (c["level"] - SKIRT_LEVEL) * LEVEL_HEIGHT)
        self.near = near = np.flatnonzero(field > -_MARGIN)
        some = _Part(c, near)
        # Its own distance is kept up to the edge and a little beyond, where it is cut off.
        cover = rise(field[near] + 0.03, 0.02)
        tucked = (
            rise((garment.waist - some["level"]) * LEVEL_HEIGHT, 0.08) if name == "bottom" else 1.0
        )
        loose = garment.looseness
        self.thickness[near] += cover * (
            CLEARANCE + tucked * kind.thickness * (0.4 + 0.6 * min(1.0, loose * 2))
        )
        self.floor[near] += cover * CLEARANCE
        own = tucked * cover * some["ease"] * kind.slack * loose * (1 + 0.35 * self.folds[near])
        own = own + cover * _widened(kind, some, 0.4 + 1.2 * loose)
        self.thickness[near] += cover * _quilted(kind, some)
        self.slack[near] = np.maximum(self.slack[near], own)
        if loose > 0:
            own = tucked * cover * kind.drape * (0.35 + 0.65 * loose)
            self.trunk_hangs[near] = np.maximum(self.trunk_hangs[near], own)
        if (name == "bottom" or kind.whole) and not kind.skirt:
            hang = cover * kind.drape * loose
            self.legs_hang[near] = np.maximum(self.legs_hang[near], hang)
        self._fold(name, kind.folds * min(1.0, 0.25 + 1.1 * loose) if loose > 0 else 0.0, field)
        surface = self._surface(name, garment, loose > 0)
        return ClothLayer(name, garment, field, surface, self.fold.copy(), hangs)

    def _fold(self, name: str, ease: float, field: Array) -> None:
        """Let a layer fold as easily as it does, and as what it lies on where it covers it."""
        if name in ("shoes", "hat"):
            self.fold = np.zeros_like(self.fold)
            return
        near, own = self.near, ease * self.scale * np.clip(field[self.near] / 0.02 + 1.0, 0.0, 1.0)
        if name == "bottom" and (shoes := self.outfit.worn("shoes")) is not None:
            # Cloth inside of a boot has no room.
            own = own * np.clip((self.c["tread"][near] - shoes.hem) / 0.02, 0.0, 1.0)
        self.fold[near] = np.maximum(self.fold[near], own)

    def _surface(self, name: str, garment: Garment, loose: bool) -> Array:
        near = self.near
        c = _Part(self.c, near)
        out = (self.thickness + self.slack)[near, None] * c["normal"]
        if name == "hat":
            hair = hair_offset(c, self.outfit) * 0.2  # it presses the hair down
            out = out + hair
            if KINDS[garment.kind].brim and loose:
                out = out + brim_offset(c, garment)
        if loose:
            out = out + c["fill"]
            on_trunk = self.on_trunk[near]
            room = (self.thickness + self.slack - self.floor)[near]
            self._lay_over(out, "trunk", on_trunk, self.trunk_hangs, room)
            if name not in ("shoes", "hat"):
                self._lay_over(out, "legs", 1 - on_trunk, self.legs_hang, 0.0)
        if name == "shoes":
            out = out + shoe_offset(c, np.ones(len(out)))
        out[:, 1] = np.maximum(out[:, 1], -c["height"])
        return self._of_all(out)

    def _lay_over(
        self, out: Array, tube: str, share: Array, hangs: Array, room: Array | float
    ) -> None:
        """Move points (n, 3) over the hollows of a tube."""
        x, z, tight, hanging = (of_all.take(self.near) for of_all in self._hollows[tube])
        away = share * (tight + hangs.take(self.near) * hanging)
        away = np.maximum(away, np.minimum(0.0, -room))
        out[:, 0] += x * away
        out[:, 2] += z * away

    def _hair(self) -> ClothLayer:
        field = hair_field(np, self.c, *hair_cut(self.outfit.hair))
        self.near = np.flatnonzero(field > -_MARGIN)
        c = _Part(self.c, self.near)
        offset = hair_offset(c, self.outfit) + CLEARANCE * c["normal"]
        none = np.zeros(len(self.folds), np.float32)
        return ClothLayer(HAIR, None, field, self._of_all(offset), none)

    def _of_all(self, offset: Array) -> Array:
        """(V, 3) m, from offsets of the vertices near a layer, rm."""
        out = np.zeros((len(self.folds), 3), np.float32)
        out[self.near] = offset * self.scale
        return out


def _widened(kind: Kind, c: Mapping[str, Array], loose: float) -> Array | float:
    """rm that wide trousers and sleeves stand off more towards their ends."""
    out: Array | float = 0.0
    if kind.flare:
        out = kind.flare * loose * np.clip((-0.3 - c["level"]) / 1.6, 0.0, 1.0)
    if kind.bell:
        out = out + kind.bell * loose * np.clip((c["arm"] - 0.2) / 0.7, 0.0, 1.0)
    return out


def _quilted(kind: Kind, c: Mapping[str, Array]) -> Array | float:
    """rm that padding stands out between seams, which run around trunk and sleeves."""
    if not kind.quilt:
        return 0.0
    along = np.where(c["arm"] > -0.03, c["arm"] * ARM_LENGTH, c["level"] * LEVEL_HEIGHT)
    return kind.quilt * np.sqrt(np.abs(np.sin(np.pi * along / 0.085)))


class _Part(Mapping[str, Array]):
    """The chart at some vertices."""

    def __init__(self, c: Mapping[str, Array], vertices: Array) -> None:
        self._c, self._vertices = c, vertices

    def __getitem__(self, name: str) -> Array:
        return self._c[name].take(self._vertices, axis=0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._c)

    def __len__(self) -> int:
        return len(self._c)
