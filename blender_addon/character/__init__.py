"""Persons as Blender characters: mesh, armature, shape keys; what an artist adds, poses and dresses by hand."""
