"""CatBoost: export of its models."""
