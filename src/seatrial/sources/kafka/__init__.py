"""A Kafka topic into an Iceberg table, exactly once: records read, bad ones set aside, offsets committed with rows."""
