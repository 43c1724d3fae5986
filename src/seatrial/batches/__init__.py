"""A table at one snapshot, read as batches of tensors."""
