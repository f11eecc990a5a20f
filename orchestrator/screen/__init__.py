"""What a user sees: console, tables, reports, JSON answers."""
