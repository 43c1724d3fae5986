"""Data that arrives from elsewhere: Kafka."""
