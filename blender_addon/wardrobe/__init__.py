"""Clothes: outfits as plain data, and the part of a body that each garment covers. Pure numpy."""
