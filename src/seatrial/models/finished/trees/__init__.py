"""Boosted trees, whichever library grew them: checked nodes, and the ONNX graph of them."""
