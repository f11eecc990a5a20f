"""Tables of objects, as CSV files hold them."""
