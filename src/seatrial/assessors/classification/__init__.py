"""Claims about a classifier: rates, ranking, probabilities, calibration."""
