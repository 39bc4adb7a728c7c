"""Persons removed from photographs and video for good: `python -m pii_seg.anonymize`, or `Anonymizer` in a program."""

from pii_seg.anonymize.anonymizer import Anonymizer as Anonymizer
from pii_seg.anonymize.anonymizer import Found as Found
