-- Records of the topics that are more than one row.
SELECT 'changes' AS source_name, kafka_partition, kafka_offset
FROM {{ source('shoal', 'changes') }}
GROUP BY kafka_partition, kafka_offset
HAVING count(*) > 1
UNION ALL
SELECT 'events' AS source_name, kafka_partition, kafka_offset
FROM {{ source('shoal', 'events') }}
GROUP BY kafka_partition, kafka_offset
HAVING count(*) > 1
