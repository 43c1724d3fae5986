"""XGBoost: export of boosters in memory."""
