"""ONNX bytes that a training step exported itself."""
