"""The tracking plan of a shop: which events it sends with which properties. It is learnt from files, and checked."""
