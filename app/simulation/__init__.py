"""A shop's visitors as clickstream messages, and recordings of real ones, written to the input topic."""
