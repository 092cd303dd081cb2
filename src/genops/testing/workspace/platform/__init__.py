"""What the platform knows about itself: system tables, lineage of what ran, audit, bills."""
