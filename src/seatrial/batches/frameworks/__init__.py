"""Batches as PyTorch and TensorFlow take them."""
