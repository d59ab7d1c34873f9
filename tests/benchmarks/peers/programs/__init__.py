"""The peers that are written in Python: each a program that follows the five rules of windows, with the library named.

They import nothing of Shoal: each runs in an environment of its own.
"""
