"""State of a user: plain values and the functions that change them. No events, no clock, no I/O."""
