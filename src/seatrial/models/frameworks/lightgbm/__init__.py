"""LightGBM: export of boosters in memory."""
