"""The spine: what an operation is, how it is decided, run, settled and recorded. Imports the standard library only."""
