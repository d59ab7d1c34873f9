-- Tables of `shoal warehouse` in DuckDB. Put the place of the files for WAREHOUSE:
--   sed 's#WAREHOUSE#s3://bucket/shoal#' tables-duckdb.sql views.sql | duckdb shoal.duckdb
-- Remove a table that has no files yet: DuckDB refuses a pattern that matches none.
CREATE OR REPLACE VIEW events AS
SELECT * FROM read_parquet('WAREHOUSE/events/*/*.parquet', hive_partitioning = true, union_by_name = true);

CREATE OR REPLACE VIEW changes AS
SELECT * FROM read_parquet('WAREHOUSE/changes/*/*.parquet', hive_partitioning = true, union_by_name = true);
