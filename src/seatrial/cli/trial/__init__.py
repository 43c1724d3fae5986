"""Commands that try a model, or the trial itself."""
