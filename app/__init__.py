"""Shoal: real-time segmentation."""
