"""What the built-in steps do."""
