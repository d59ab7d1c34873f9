"""What people see on the terminal while things happen: the live view, its plain-text twin, and what they have in
common."""
