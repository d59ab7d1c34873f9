-- Every change once. A broker without transactions can hold a change twice, with the same id.
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
FROM {{ source('shoal', 'changes') }}
WHERE problem IS NULL
ORDER BY id, kafka_partition, kafka_offset
