"""The cache: records from a step's key to what the step left behind, and whether that is whole."""
