"""True if the changes on Kafka are those that the input and the journal demand: computed again, compared one by one."""
