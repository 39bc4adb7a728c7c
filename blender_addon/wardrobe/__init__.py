"""What people wear: outfits as plain data, and where on a body each garment lies. Pure numpy."""
