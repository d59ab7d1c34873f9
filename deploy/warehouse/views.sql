-- Key figures of segments, for BI tools: the same SQL for DuckDB and PostgreSQL. Days are those of UTC.
-- They stand on the tables `events` and `changes`: see tables-duckdb.sql and tables-postgres.sql.

-- Every change once. A broker without transactions can hold a change twice, with the same id.
CREATE OR REPLACE VIEW segment_changes AS
SELECT DISTINCT ON (id)
    id,
    user_key,
    segment,
    version,
    change,
    times,
    happened_at,
    sequence,
    cause,
    valid_until,
    attach_json,
    evidence_json,
    group_name,
    experiments_json
FROM changes
WHERE problem IS NULL
ORDER BY id, kafka_partition, kafka_offset;

-- Memberships: a row for each stay of a user in a segment. exited_at is null while they are in it.
CREATE OR REPLACE VIEW segment_memberships AS
SELECT user_key, segment, times, entered_at, exited_at, extract(epoch FROM (exited_at - entered_at)) AS seconds
FROM (
    SELECT
        user_key,
        segment,
        times,
        min(happened_at) FILTER (WHERE change = 'entered') AS entered_at,
        max(happened_at) FILTER (WHERE change = 'exited') AS exited_at
    FROM segment_changes
    GROUP BY user_key, segment, times
) AS stays
WHERE entered_at IS NOT NULL;

-- Users that are in a segment now.
CREATE OR REPLACE VIEW segment_sizes_now AS
SELECT segment, count(*) AS users
FROM segment_memberships
WHERE exited_at IS NULL
GROUP BY segment;

-- Entries, exits and size of a segment at the end of each day on which it changed.
CREATE OR REPLACE VIEW segment_days AS
SELECT
    segment,
    day,
    sum(entries) AS entries,
    sum(exits) AS exits,
    sum(sum(entries) - sum(exits)) OVER (PARTITION BY segment ORDER BY day) AS size
FROM (
    SELECT segment, CAST(entered_at AT TIME ZONE 'UTC' AS date) AS day, 1 AS entries, 0 AS exits
    FROM segment_memberships
    UNION ALL
    SELECT segment, CAST(exited_at AT TIME ZONE 'UTC' AS date) AS day, 0 AS entries, 1 AS exits
    FROM segment_memberships
    WHERE exited_at IS NOT NULL
) AS moves
GROUP BY segment, day;

-- Flows: the segment that a user entered before they entered the next one, by the day of the latter.
CREATE OR REPLACE VIEW segment_flows AS
SELECT
    CAST(happened_at AT TIME ZONE 'UTC' AS date) AS day,
    from_segment,
    segment AS to_segment,
    count(*) AS entries,
    count(DISTINCT user_key) AS users
FROM (
    SELECT user_key, segment, happened_at, lag(segment) OVER (PARTITION BY user_key ORDER BY sequence) AS from_segment
    FROM segment_changes
    WHERE change = 'entered'
) AS entered
WHERE from_segment IS NOT NULL
GROUP BY 1, 2, 3;

-- Time in a segment, of stays that have ended.
CREATE OR REPLACE VIEW segment_times AS
SELECT
    segment,
    count(*) AS stays,
    avg(seconds) AS seconds_mean,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds_median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS seconds_of_nine_tenths
FROM segment_memberships
WHERE exited_at IS NOT NULL
GROUP BY segment;

-- Conversion: entries that were followed by an order of the same user within seven days, by day of entry.
-- For another goal, replace the name of the event.
CREATE OR REPLACE VIEW segment_conversions AS
SELECT
    segment,
    CAST(entered_at AT TIME ZONE 'UTC' AS date) AS day,
    count(*) AS entries,
    sum(CASE WHEN converted THEN 1 ELSE 0 END) AS conversions
FROM (
    SELECT
        segment,
        entered_at,
        EXISTS (
            SELECT 1
            FROM events
            WHERE
                events.user_key = stay.user_key
                AND events.event = 'Order Completed'
                AND events.problem IS NULL
                AND events.happened_at >= stay.entered_at
                AND events.happened_at < stay.entered_at + INTERVAL '7 days'
        ) AS converted
    FROM segment_memberships AS stay
) AS stays
GROUP BY 1, 2;
