"""Data on disk, read into samples: one module per layout, and one function that opens them all.

    source = open_source(Path("renders"))     # the layout is recognised
    source.check()                            # opens every file; bad ones are listed and left out
    sample = source.load(0)

Layouts: the dataset contract (docs/dataset.md), plain folders (images/ + masks/, or images alone),
COCO JSON, and Pascal VOC. In every layout a target is 0 background, 1 person, 255 ignore.
"""

from pii_seg.data.image_io import read_image
from pii_seg.data.mask_io import read_mask
from pii_seg.data.mask_reading import MaskCode, MaskOptions
from pii_seg.data.sources.base import Listed, PersonFree, Source, notes_of
from pii_seg.data.sources.memory import InMemory, keep_in_memory
from pii_seg.data.sources.open import open_source, open_sources
from pii_seg.data.sources.sample import BACKGROUND, HEAD, IGNORE, PERSON, Fault, Sample

__all__ = [
    "BACKGROUND",
    "HEAD",
    "IGNORE",
    "PERSON",
    "Fault",
    "InMemory",
    "Listed",
    "MaskCode",
    "MaskOptions",
    "PersonFree",
    "Sample",
    "Source",
    "keep_in_memory",
    "notes_of",
    "open_source",
    "open_sources",
    "read_image",
    "read_mask",
]
