"""People as Blender characters (mesh, armature, shape keys), which an artist can add and pose."""
