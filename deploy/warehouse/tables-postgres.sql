-- Tables of `shoal warehouse` in PostgreSQL, for a copy of the files. docs/bi.md says how they are filled.
CREATE TABLE IF NOT EXISTS events (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    kafka_time timestamptz,
    user_key text,
    happened_at timestamptz,
    received_at timestamptz,
    type text,
    event text,
    name text,
    user_id text,
    anonymous_id text,
    message_id text,
    properties text,
    traits text,
    context text,
    problem text,
    PRIMARY KEY (kafka_partition, kafka_offset)
);

CREATE TABLE IF NOT EXISTS changes (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    kafka_time timestamptz,
    id text,
    user_key text,
    segment text,
    version text,
    change text,
    times bigint,
    happened_at timestamptz,
    sequence bigint,
    cause text,
    valid_until timestamptz,
    cause_json text,
    evidence_json text,
    attach_json text,
    group_name text,
    experiments_json text,
    value_json text,
    source text,
    problem text,
    PRIMARY KEY (kafka_partition, kafka_offset)
);

-- Columns that a table of an earlier version lacks.
ALTER TABLE changes ADD COLUMN IF NOT EXISTS group_name text;
ALTER TABLE changes ADD COLUMN IF NOT EXISTS experiments_json text;
ALTER TABLE changes ADD COLUMN IF NOT EXISTS value_json text;
