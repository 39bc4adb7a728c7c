"""PII Seg, the school: learns to find every person from rendered pairs and from the user's own photographs.

Licence: Apache-2.0 (LICENSES/Apache-2.0.txt).
"""
