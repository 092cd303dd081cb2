"""Telemetry: spans, log events and metrics in plain OpenTelemetry, and one line an operation for people."""
