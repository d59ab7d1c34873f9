"""Live changes: one reader of the topic, and a queue for each stream."""
