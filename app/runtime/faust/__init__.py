"""Subclasses of Faust's classes at the seams that Shoal uses."""
