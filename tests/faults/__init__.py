"""Workers that die, freeze and move, on real brokers; then the verdict on everything they have written."""
