"""PyTorch: export of a module, the module of a package made anew, and its gradients."""
