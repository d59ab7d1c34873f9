"""What a definition means at run time: operators, the calendar, carts, matched aggregates, settlement, changes."""
