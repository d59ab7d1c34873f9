-- Days on which more users had left a segment than had entered it.
SELECT segment, day, size
FROM {{ ref('segment_days') }}
WHERE size < 0
