"""Remove persons from images and videos: `python -m pii_seg.anonymize`, or `pii_seg.Anonymizer`."""
