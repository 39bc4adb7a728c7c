"""The files of packs are read exactly, and damaged ones are refused with the line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from blender_addon.packs.mhclo import BASE_VERTICES, read_clothes
from blender_addon.packs.mhmat import read_material
from blender_addon.packs.obj_mesh import read_obj
from blender_addon.packs.text_files import PackError
from tests.blender_addon.packs.garment_files import write_garment
from tests.fuzz import fuzz_count, mutated, random_of


def test_a_garment_is_read(garment: Path) -> None:
    clothes = read_clothes(garment)
    assert (clothes.name, clothes.obj_file, clothes.material) == ("vest", "vest.obj", "vest.mhmat")
    assert clothes.references.tolist()[0] == [1400, 1401, 1402]
    assert clothes.weights.tolist()[0] == [0.5, 0.25, 0.25]
    assert clothes.offsets.tolist()[0] == [0, 0, 0.1]
    assert clothes.weights[1].tolist() == [1, 0, 0]  # a single index
    assert clothes.references[1, 0] == 1400
    assert clothes.offsets[3].tolist() == [0, 0, 0]
    assert clothes.scales == ((5399, 11998, 1.4), (791, 881, 2.3), (962, 5320, 1.9))
    assert clothes.z_depth == 20


def test_hidden_vertices_are_single_ones_and_ranges(tmp_path: Path) -> None:
    tail = "delete_verts\n3 - 5 9\n11 12-13\nmaterial other.mhmat\n"
    clothes = read_clothes(write_garment(tmp_path, tail=tail))
    assert clothes.deleted.tolist() == [3, 4, 5, 9, 11, 12, 13]
    assert clothes.material == "other.mhmat"


def test_keys_may_stand_between_verts_and_its_rows(tmp_path: Path) -> None:
    path = write_garment(tmp_path)
    text = path.read_text().replace("verts 0\n", "verts 0\nz_depth 3\nmaterial late.mhmat\n\n")
    path.write_text(text.replace("\n", "\r\n"), newline="")
    clothes = read_clothes(path)
    assert clothes.z_depth == 3
    assert len(clothes.references) == 4


@pytest.mark.parametrize(
    ("head", "author", "licence"),
    [
        ("# author: Ann Other\n# license: CC BY 4.0\n", "Ann Other", "CC BY 4.0"),
        ("# Author Ann\n# licence CC0 (see also the homepage)\n", "Ann", "CC0 (see also the"),
        ("# This asset was explicitly released as CC0 in 2020.\n", "", "CC0"),
        ("# Copyright (C) 2020 Ann Other\n", "Ann Other", ""),
        ("author Ann\nlicense AGPL3\n", "Ann", "AGPL3"),
    ],
)
def test_author_and_licence_are_in_the_head(
    tmp_path: Path, head: str, author: str, licence: str
) -> None:
    clothes = read_clothes(write_garment(tmp_path, head=head))
    assert clothes.author == author
    assert clothes.licence.startswith(licence)
    assert bool(clothes.licence) == bool(licence)


def test_latin_1_is_read(tmp_path: Path) -> None:
    path = write_garment(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"name vest", "name Kleid für M".encode("latin-1")))
    assert read_clothes(path).name == "Kleid für M"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1400 1401 1402", f"1400 1401 {BASE_VERTICES}", "vest.mhclo:11: vertex 19158"),
        ("1400 1401 1402", "1400 -1 1402", "vest.mhclo:11: vertex -1"),
        ("0.5 0.25 0.25", "nan 0.25 0.25", "vest.mhclo:11: expected 3 finite"),
        ("0.5 0.25 0.25", "0.5 1e30 0.25", "vest.mhclo:11: expected 3 finite"),
        ("0.5 0.25 0.25", "0.5 x 0.25", "vest.mhclo:11: expected 3 finite"),
        ("1400 1401 1402", "1400 1401.5 1402", "vest.mhclo:11: expected whole numbers"),
        ("basemesh hm08", "basemesh hm09", "vest.mhclo:3: made for the base mesh"),
        ("x_scale 5399 11998 1.4", "x_scale 5399 11998 0", "vest.mhclo:5: x_scale: a length of 0"),
        ("x_scale 5399 11998 1.4", "x_scale 5399", "vest.mhclo:5: expected 2 finite"),
        ("x_scale 5399 11998 1.4", "x_scale 5399 99999 1", "vest.mhclo:5: vertex 99999"),
        ("verts 0", "vertices", "no vertices after 'verts 0'"),
        ("name vest", "name \0", "not a text file"),
        ("z_depth 20", "delete_verts\n1 - 20000\nz_depth 1", "vest.mhclo:9: vertex 20000"),
    ],
)
def test_a_damaged_garment_is_refused_with_its_line(
    garment: Path, old: str, new: str, said: str
) -> None:
    text = garment.read_text()
    assert old in text
    garment.write_text(text.replace(old, new))
    with pytest.raises(PackError) as error:
        read_clothes(garment)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_faces_of_any_number_of_corners_become_fans(tmp_path: Path) -> None:
    path = tmp_path / "m.obj"
    path.write_text(
        "v 0 0 0 1 1 1\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv -1 .5 0\nvt 0 0\nvt 1 0\nvn 0 0 1\n"
        "usemtl x\ns off\nf 1 2 3\nf 1/1/1 2/2/1 3//1 4/-1/1 -1\n"
    )
    mesh = read_obj(path)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3], [0, 3, 4]]
    assert mesh.polygons.tolist() == [0, 1, 1, 1]
    assert mesh.uv[1].tolist() == [[0, 0], [1, 0], [0, 0]]
    assert mesh.uv[2, 2].tolist() == [1, 0]
    assert mesh.has_uv


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v 0 0 0\n", "no vertices or no faces"),
        ("v 0 0\nf 1 1 1\n", ":1: expected 3 finite"),
        ("v 0 0 inf\nf 1 1 1\n", ":1: expected 3 finite"),
        ("v 0 0 0\nf 1 1\n", ":2: a face of 2 corners"),
        ("v 0 0 0\nf 1 1 2\n", ":2: vertex 2, expected 1 to 1"),
        ("v 0 0 0\nf 1 1 0\n", ":2: vertex 0, expected 1 to 1"),
        ("v 0 0 0\nf 1 1 -2\n", ":2: vertex -2, expected 1 to 1"),
        ("v 0 0 0\nvt 0 0\nf 1/1 1/2 1/1\n", ":3: texture coordinate 2"),
        ("v 0 0 0\nf a b c\n", ":2: expected corners"),
        ("v 0 0 0\nf 1 1 99999999999999999999999\n", "20 digits"),
        ("v 0 0 0\nf " + "1 " * 100, ":2: a face of 100 corners"),
    ],
)
def test_a_damaged_mesh_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "m.obj"
    path.write_text(text)
    with pytest.raises(PackError) as error:
        read_obj(path)
    assert said in str(error.value)


def test_a_material_is_read(garment: Path) -> None:
    material = read_material(garment.with_suffix(".mhmat"))
    assert material.diffuse == "vest.png"
    assert material.color == (0.5, 0.25, 1.0)
    assert material.transparent
    assert material.shininess == 0.2


def test_a_material_with_damaged_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.mhmat"
    path.write_text("name m\ndiffuseColor 1 nan 1\n")
    with pytest.raises(PackError, match=r"m\.mhmat:2: expected 3 finite"):
        read_material(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names on this system")
    os.mkfifo(tmp_path / "m.mhclo")
    with pytest.raises(PackError, match="not a regular file"):
        read_clothes(tmp_path / "m.mhclo")


@pytest.mark.fuzz
@pytest.mark.parametrize("ending", [".mhclo", ".obj", ".mhmat"])
def test_mutated_files_are_read_or_refused(tmp_path: Path, ending: str) -> None:
    path = write_garment(tmp_path, tail="delete_verts\n3 - 5 9\n").with_suffix(ending)
    read = {".mhclo": read_clothes, ".obj": read_obj, ".mhmat": read_material}[ending]
    content = path.read_bytes()
    refused = 0
    for number in range(fuzz_count()):
        path.write_bytes(mutated(content, random_of(number)))
        try:
            found = read(path)
        except PackError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        if ending == ".obj":
            assert np.isfinite(found.vertices).all()
            assert found.faces.max() < len(found.vertices)
        elif ending == ".mhclo":
            assert found.references.max() < BASE_VERTICES
            assert np.isfinite(found.weights).all()
    assert refused > 10 or ending == ".mhmat"
