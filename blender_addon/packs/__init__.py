"""Packs of MakeHuman and MPFB assets: reading their files, and fitting them to a body.

pack = read_pack(folder)                 # `pack`: every item by name, and what cannot be used
fitted = fit_cached(item.path, model)    # `cache`, `fit`: a body model of its own, once an item
vertices = fitted.shaped(betas)          # once a person
"""
