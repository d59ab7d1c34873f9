-- Time in a segment, of stays that have ended.
SELECT
    segment,
    count(*) AS stays,
    avg(seconds) AS seconds_mean,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds_median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS seconds_of_nine_tenths
FROM {{ ref('segment_memberships') }}
WHERE exited_at IS NOT NULL
GROUP BY segment
