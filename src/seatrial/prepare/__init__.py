"""Spark: sessions, S3A, jars, codecs fitted on data, tables written."""
