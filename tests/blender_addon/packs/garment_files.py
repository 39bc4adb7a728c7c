"""Small packs, made by code."""

from __future__ import annotations

from pathlib import Path

CHEST = (1400, 1401, 1402)  # vertices of the base mesh, on its skin


def write_garment(
    folder: Path,
    name: str = "vest",
    *,
    head: str = "",
    rows: list[str] | None = None,
    tail: str = "",
    material: bool = True,
) -> Path:
    """Write a garment of one quad: .mhclo, .obj, .mhmat and an image; return the .mhclo."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.obj").write_text(
        "# a quad\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
    )
    a, b, c = CHEST
    rows = rows or [f"{a} {b} {c} 0.5 0.25 0.25 0 0 0.1", f"{a}", f"{b}", f"{c} {b} {a} 1 0 0"]
    named = f"material {name}.mhmat\n" if material else ""
    (folder / f"{name}.mhclo").write_text(
        f"{head}name {name}\nobj_file {name}.obj\nbasemesh hm08\ntag Female\n"
        "x_scale 5399 11998 1.4\ny_scale 791 881 2.3\nz_scale 962 5320 1.9\n"
        f"z_depth 20\n{named}verts 0\n" + "\n".join(rows) + f"\n{tail}"
    )
    if material:
        (folder / f"{name}.mhmat").write_text(
            f"name {name}\ndiffuseColor 0.5 0.25 1.0\ntransparent True\nshininess 0.2\n"
            f"diffuseTexture {name}.png\n"
        )
        (folder / f"{name}.png").write_bytes(b"an image")
    return folder / f"{name}.mhclo"
