"""The tlt-* commands: each parses its argv and calls one function."""
