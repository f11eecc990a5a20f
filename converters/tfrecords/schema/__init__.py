"""Wire formats of other people's files, and what protoc makes of them."""
