"""Meaning of a definition at run time: operators, the calendar, carts, matched aggregates, settlement, changes."""
