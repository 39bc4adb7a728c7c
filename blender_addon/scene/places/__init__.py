"""Places around the people: streets, squares, rooms, shops. Pure numpy.

The people and the camera are drawn first; a place is built around them, so that they stand on its
pavements and before its counters. One module for each place; `catalogue` lists them.
"""
