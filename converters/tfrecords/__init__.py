"""TensorFlow's record files and the examples in them."""
