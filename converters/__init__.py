"""Annotations: knows data sets, knows nothing of pipelines."""
