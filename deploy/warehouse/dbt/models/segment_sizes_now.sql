-- Users that are in a segment now.
SELECT segment, count(*) AS users
FROM {{ ref('segment_memberships') }}
WHERE exited_at IS NULL
GROUP BY segment
