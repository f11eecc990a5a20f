"""What the export formats of networks share: what they are given and give, ONNX files, smaller data types."""
