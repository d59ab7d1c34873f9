-- Stays that end before they begin.
SELECT user_key, segment, times
FROM {{ ref('segment_memberships') }}
WHERE exited_at < entered_at
