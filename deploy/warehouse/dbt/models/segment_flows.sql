-- Flows: the segment that a user entered before they entered the next one, by the day of the latter.
SELECT
    CAST(happened_at AT TIME ZONE 'UTC' AS date) AS day,
    from_segment,
    segment AS to_segment,
    count(*) AS entries,
    count(DISTINCT user_key) AS users
FROM (
    SELECT user_key, segment, happened_at, lag(segment) OVER (PARTITION BY user_key ORDER BY sequence) AS from_segment
    FROM {{ ref('segment_changes') }}
    WHERE change = 'entered'
) AS entered
WHERE from_segment IS NOT NULL
GROUP BY 1, 2, 3
