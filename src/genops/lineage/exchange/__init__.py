"""Lineage in the forms of others: written as OpenLineage events, DOT, Mermaid and JSON; read from Atlas and Glue."""
