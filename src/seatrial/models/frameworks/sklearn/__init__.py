"""scikit-learn: export of estimators and pipelines."""
