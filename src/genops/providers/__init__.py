"""Providers: the public names that the integration guides promise. No arithmetic, no state, no I/O of their own."""
