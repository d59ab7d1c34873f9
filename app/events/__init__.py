"""What a clickstream message is: types, decoding, event time."""
