"""What a batch holds: columns as NumPy arrays."""
