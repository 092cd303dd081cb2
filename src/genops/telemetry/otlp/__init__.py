"""OTLP: where it goes and as whom, what a back end wants of it, and what its answers are worth."""
