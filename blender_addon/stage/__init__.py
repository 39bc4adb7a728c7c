"""SceneSpec -> Blender scene, again and again in one process.

`stage.stage.Stage` is the way in. `shapes`, `solids`, `arrays` (meshes of props) and `patterns` (names of surfaces)
are plain numpy and need no Blender; every other module here imports bpy.

What is made once is used for every frame. Each person has an object from a pool that grows to the largest number any
frame needed; props, ground and walls are two meshes written anew; materials and node trees never change, and what
varies are attributes of meshes and objects. What a frame does not need is hidden, not deleted.
"""
