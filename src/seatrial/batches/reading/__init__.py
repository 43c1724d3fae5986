"""The threads of a reader: windows fetched and decoded, batches gathered."""
