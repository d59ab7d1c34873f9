"""Kafka clients: readers and writers of single partitions, record batches, topics, partitioner."""
