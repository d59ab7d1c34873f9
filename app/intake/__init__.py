"""Topics with any key and shape, checked and brought into the clickstream under the users' keys."""
