-- Memberships: a row for each stay of a user in a segment. exited_at is null while they are in it.
SELECT user_key, segment, times, entered_at, exited_at, extract(epoch FROM (exited_at - entered_at)) AS seconds
FROM (
    SELECT
        user_key,
        segment,
        times,
        min(happened_at) FILTER (WHERE change = 'entered') AS entered_at,
        max(happened_at) FILTER (WHERE change = 'exited') AS exited_at
    FROM {{ ref('segment_changes') }}
    GROUP BY user_key, segment, times
) AS stays
WHERE entered_at IS NOT NULL
