"""One folder a framework: how its fitted models become ONNX, and where it can, modules made anew and gradients."""
