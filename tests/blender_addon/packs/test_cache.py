"""Fitted garments are kept on disk, and damaged files of the cache are made anew."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from blender_addon.bodies.library import default_body
from blender_addon.packs import cache, cache_files
from blender_addon.packs.cache import fit_cached
from blender_addon.packs.cache_files import cache_folder
from blender_addon.packs.fit import FittedItem, fit_item
from tests.fuzz import fuzz_count, mutated, random_of


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the garments that were fitted, and not read."""
    names: list[str] = []
    fit = cache.fit

    def counted(clothes, mesh, model):  # type: ignore[no-untyped-def]
        names.append(clothes.name)
        return fit(clothes, mesh, model)

    monkeypatch.setattr(cache, "fit", counted)
    return names


def equal(a: FittedItem, b: FittedItem) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in vars(a))


def test_a_garment_is_fitted_once(garment: Path, tmp_path: Path, fits: list[str]) -> None:
    body = default_body()
    first = fit_cached(garment, body, tmp_path / "cache")
    second = fit_cached(garment, body, tmp_path / "cache")
    assert fits == ["vest"]
    assert equal(first, second)
    assert equal(first, fit_item(garment, body))
    assert [p.suffix for p in (tmp_path / "cache").iterdir()] == [".npz"]


def test_a_changed_garment_is_fitted_anew(garment: Path, tmp_path: Path, fits: list[str]) -> None:
    body = default_body()
    fit_cached(garment, body, tmp_path / "cache")
    garment.write_text(garment.read_text().replace("0.5 0.25 0.25 0 0 0.1", "0.5 0.25 0.25 0 0 1"))
    fit_cached(garment, body, tmp_path / "cache")
    assert len(fits) == 2


def test_a_cache_that_cannot_be_written_is_done_without(garment: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    fitted = fit_cached(garment, default_body(), tmp_path / "file")
    assert len(fitted.template) == 4


@pytest.mark.fuzz
def test_damaged_files_are_made_anew(garment: Path, tmp_path: Path) -> None:
    body = default_body()
    sound = fit_cached(garment, body, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    content = file.read_bytes()
    for number in range(fuzz_count(0.2)):
        file.write_bytes(mutated(content, random_of(number)))
        found = fit_cached(garment, body, tmp_path)
        assert found.faces.max() < len(found.template)
        assert np.isfinite(found.template).all()
        assert found.hides.shape == sound.hides.shape


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("near", np.full(4, 10**6, np.int32)),
        ("faces", np.array([[0, 1, -1], [0, 1, 2]], np.int32)),
        ("joints", np.full((4, 4), 24, np.int32)),
        ("template", np.full((4, 3), np.nan, np.float32)),
        ("template", np.zeros((5, 3), np.float32)),
        ("template", np.zeros((4, 3), np.float64)),
        ("hides", np.zeros(3, bool)),
    ],
)
def test_foreign_arrays_are_made_anew(
    garment: Path, tmp_path: Path, fits: list[str], name: str, value: np.ndarray
) -> None:
    body = default_body()
    sound = fit_cached(garment, body, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    np.savez(file, **{**vars(sound), name: value})
    assert equal(fit_cached(garment, body, tmp_path), sound)
    assert len(fits) == 2


@pytest.mark.skipif(os.name != "posix", reason="the folders of Linux")
def test_the_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PII_SYNTH_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("PII_SYNTH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(cache_files.sys, "platform", "linux")
    assert cache_folder() == tmp_path / "xdg" / "pii_synth" / "packs"
