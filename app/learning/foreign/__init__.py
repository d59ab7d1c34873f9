"""Models of other libraries, as model files of Shoal."""
