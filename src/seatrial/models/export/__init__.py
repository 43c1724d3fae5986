"""From what a framework fitted to an ONNX graph and the framework's own answers: one framework a file."""
