"""A local web page to anonymise pictures by hand: `python -m pii_seg.app`. Nothing leaves the machine."""
