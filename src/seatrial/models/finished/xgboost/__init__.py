"""XGBoost's model files, JSON and UBJ."""
