"""The commands: each reads its options, calls one function, shows the answer."""
