"""genops: governance telemetry for data platforms."""
