"""The schemas under deploy/schemas: true, and compatible with those that readers and writers know."""
