"""The contract both sides read: protobuf text in, text out."""
