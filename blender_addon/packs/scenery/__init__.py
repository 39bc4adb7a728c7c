"""Packs for places: models of things (OBJ, glTF) and textures, read without Blender's importers.

pack = read_props(folder)         # `prop_pack`: every model by role and size, and what is refused
mesh = load_model(pack[0].path)   # `model_cache`: arrays of one mesh and its materials
sets = read_textures(folder)      # `texture_pack`: colour, normal and roughness maps, by use
"""
