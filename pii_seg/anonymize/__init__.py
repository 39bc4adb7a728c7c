"""Persons removed from photographs and video for good: `python -m pii_seg.anonymize`, or `Anonymizer` in a program."""
