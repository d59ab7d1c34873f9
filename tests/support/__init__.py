"""What the tests share: brokers, and waiting for a condition."""
