"""The state of one input partition, and the loop that turns records into changes."""
