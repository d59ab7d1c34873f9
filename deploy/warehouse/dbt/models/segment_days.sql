-- Entries, exits and size of a segment at the end of each day on which it changed.
SELECT
    segment,
    day,
    sum(entries) AS entries,
    sum(exits) AS exits,
    sum(sum(entries) - sum(exits)) OVER (PARTITION BY segment ORDER BY day) AS size
FROM (
    SELECT segment, CAST(entered_at AT TIME ZONE 'UTC' AS date) AS day, 1 AS entries, 0 AS exits
    FROM {{ ref('segment_memberships') }}
    UNION ALL
    SELECT segment, CAST(exited_at AT TIME ZONE 'UTC' AS date) AS day, 0 AS entries, 1 AS exits
    FROM {{ ref('segment_memberships') }}
    WHERE exited_at IS NOT NULL
) AS moves
GROUP BY segment, day
