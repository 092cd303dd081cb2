"""The graph of lineage: kept by a sink, asked by view."""
