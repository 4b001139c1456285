"""Phantom mammograms: made films that look enough like real ones to try everything on."""

from services.curator.phantom.film import Phantom, make_phantom

__all__ = ["Phantom", "make_phantom"]
