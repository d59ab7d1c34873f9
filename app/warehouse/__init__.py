"""Copies topics into Parquet files for warehouses: each record is one row, exactly once."""
