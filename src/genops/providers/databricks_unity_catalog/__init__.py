"""Databricks Unity Catalog."""

from __future__ import annotations

from genops.providers.databricks_unity_catalog.registration import auto_instrument_databricks

__all__ = ["auto_instrument_databricks"]
