"""The TLT 2.0 dialect."""
