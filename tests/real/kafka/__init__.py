"""A real Kafka read into Iceberg tables."""
