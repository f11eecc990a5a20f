"""What is made of the detections on a validation split: figures, charts, pictures."""
