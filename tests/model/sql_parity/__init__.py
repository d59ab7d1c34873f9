"""The same segments said a third time, in SQL by hand, over a month of a real shop."""
