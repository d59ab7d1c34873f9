"""Other stream processors on the same events, rules and Kafka: `make bench ARGS="--only peers"`."""
