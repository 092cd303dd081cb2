"""Databricks SQL that runs on DuckDB."""
