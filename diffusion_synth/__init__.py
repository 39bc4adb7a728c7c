"""The atelier: repaints persons inside their exact shape, into new image/mask pairs.

Licence: Apache-2.0 (LICENSES/Apache-2.0.txt).
"""
