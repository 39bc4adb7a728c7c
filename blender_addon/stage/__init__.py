"""Turn scene specs into a Blender scene, again and again in one process.

`stage.stage.Stage` is the entry. `arrays` (meshes of props) and `outfit_properties` need no
Blender; every other module here imports bpy.

Objects are made once and used for every frame. Each person has an object from a pool that grows to
the largest number that any frame needed; props, ground and walls are two meshes written anew;
materials and node trees never change, and the values that vary are attributes of meshes and
objects. Objects that a frame does not need are hidden, not deleted.
"""
