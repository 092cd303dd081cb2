"""Rules: what may touch what, decided from declared facts."""
