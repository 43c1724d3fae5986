"""New projects: from an example, or around a finished model."""
