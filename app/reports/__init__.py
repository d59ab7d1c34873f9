"""Reports in SQL over events and changes: of a warehouse, or of plain files."""
