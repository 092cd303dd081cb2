"""OpenLineage: run events of what ran."""
