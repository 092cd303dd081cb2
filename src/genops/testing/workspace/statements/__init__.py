"""Statements: their states, their results, and what is remembered of them."""
