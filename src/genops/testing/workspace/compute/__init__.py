"""What runs things: warehouses, clusters, jobs."""
