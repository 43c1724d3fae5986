"""What the inputs and outputs of an ONNX graph mean, and the nodes that are put around it."""
