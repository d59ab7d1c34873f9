"""The half that acts: Kafka, micro-batches, positions, restore, watchdog, on Faust's seams. It holds no rule about
segments."""
