"""A local web page to anonymise images by hand: `python -m pii_seg.app`."""
