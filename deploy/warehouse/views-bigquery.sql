-- Key figures of segments in BigQuery, over the tables of `shoal bigquery`: the views of views.sql. Days are those of UTC.
-- Put the dataset for DATASET: sed 's#DATASET#my-project.shop#' views-bigquery.sql | bq query --use_legacy_sql=false

-- Every change once. A broker without transactions can hold a change twice, with the same id.
CREATE OR REPLACE VIEW `DATASET.segment_changes` AS
SELECT
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
FROM `DATASET.changes`
WHERE problem IS NULL
QUALIFY row_number() OVER (PARTITION BY id ORDER BY kafka_partition, kafka_offset) = 1;

-- Memberships: a row for each stay of a user in a segment. exited_at is null while they are in it.
CREATE OR REPLACE VIEW `DATASET.segment_memberships` AS
SELECT
    user_key,
    segment,
    times,
    entered_at,
    exited_at,
    timestamp_diff(exited_at, entered_at, MILLISECOND) / 1000 AS seconds
FROM (
    SELECT
        user_key,
        segment,
        times,
        min(if(change = 'entered', happened_at, NULL)) AS entered_at,
        max(if(change = 'exited', happened_at, NULL)) AS exited_at
    FROM `DATASET.segment_changes`
    GROUP BY user_key, segment, times
) AS stays
WHERE entered_at IS NOT NULL;

-- Users that are in a segment now.
CREATE OR REPLACE VIEW `DATASET.segment_sizes_now` AS
SELECT segment, count(*) AS users
FROM `DATASET.segment_memberships`
WHERE exited_at IS NULL
GROUP BY segment;

-- Entries, exits and size of a segment at the end of each day on which it changed.
CREATE OR REPLACE VIEW `DATASET.segment_days` AS
SELECT
    segment,
    day,
    entries,
    exits,
    sum(entries - exits) OVER (PARTITION BY segment ORDER BY day) AS size
FROM (
    SELECT segment, day, sum(entries) AS entries, sum(exits) AS exits
    FROM (
        SELECT segment, date(entered_at, 'UTC') AS day, 1 AS entries, 0 AS exits
        FROM `DATASET.segment_memberships`
        UNION ALL
        SELECT segment, date(exited_at, 'UTC') AS day, 0 AS entries, 1 AS exits
        FROM `DATASET.segment_memberships`
        WHERE exited_at IS NOT NULL
    ) AS moves
    GROUP BY segment, day
) AS days;

-- Flows: the segment that a user entered before they entered the next one, by the day of the latter.
CREATE OR REPLACE VIEW `DATASET.segment_flows` AS
SELECT
    date(happened_at, 'UTC') AS day,
    from_segment,
    segment AS to_segment,
    count(*) AS entries,
    count(DISTINCT user_key) AS users
FROM (
    SELECT user_key, segment, happened_at, lag(segment) OVER (PARTITION BY user_key ORDER BY sequence) AS from_segment
    FROM `DATASET.segment_changes`
    WHERE change = 'entered'
) AS entered
WHERE from_segment IS NOT NULL
GROUP BY 1, 2, 3;

-- Time in a segment, of stays that have ended.
CREATE OR REPLACE VIEW `DATASET.segment_times` AS
SELECT
    segment,
    count(*) AS stays,
    avg(seconds) AS seconds_mean,
    any_value(seconds_median) AS seconds_median,
    any_value(seconds_of_nine_tenths) AS seconds_of_nine_tenths
FROM (
    SELECT
        segment,
        seconds,
        percentile_cont(seconds, 0.5) OVER (PARTITION BY segment) AS seconds_median,
        percentile_cont(seconds, 0.9) OVER (PARTITION BY segment) AS seconds_of_nine_tenths
    FROM `DATASET.segment_memberships`
    WHERE exited_at IS NOT NULL
) AS stays
GROUP BY segment;

-- Conversion: entries that were followed by an order of the same user within seven days, by day of entry.
-- For another goal, replace the name of the event.
CREATE OR REPLACE VIEW `DATASET.segment_conversions` AS
SELECT
    segment,
    date(entered_at, 'UTC') AS day,
    count(*) AS entries,
    sum(if(orders > 0, 1, 0)) AS conversions
FROM (
    SELECT stay.user_key, stay.segment, stay.times, stay.entered_at, count(goal.user_key) AS orders
    FROM `DATASET.segment_memberships` AS stay
    LEFT JOIN `DATASET.events` AS goal
        ON
            goal.user_key = stay.user_key
            AND goal.event = 'Order Completed'
            AND goal.problem IS NULL
            AND goal.happened_at >= stay.entered_at
            AND goal.happened_at < timestamp_add(stay.entered_at, INTERVAL 7 DAY)
    GROUP BY stay.user_key, stay.segment, stay.times, stay.entered_at
) AS stays
GROUP BY 1, 2;
