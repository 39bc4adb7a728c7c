"""Geometry of things that are not people. Pure numpy: stage/ turns it into Blender meshes."""
