"""Spark over real stores and catalogs. A package, so that its tests share `lake.py`."""
