"""Objects, artifacts, catalog, and the store that is embedded on a laptop."""
