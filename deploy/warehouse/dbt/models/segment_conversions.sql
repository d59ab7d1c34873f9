-- Conversion: entries that were followed by an order of the same user within seven days, by day of entry.
-- For another goal, set the variable `goal`.
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
            FROM {{ source('shoal', 'events') }} AS events
            WHERE
                events.user_key = stay.user_key
                AND events.event = {{ dbt.string_literal(dbt.escape_single_quotes(var('goal'))) }}
                AND events.problem IS NULL
                AND events.happened_at >= stay.entered_at
                AND events.happened_at < stay.entered_at + INTERVAL '7 days'
        ) AS converted
    FROM {{ ref('segment_memberships') }} AS stay
) AS stays
GROUP BY 1, 2
