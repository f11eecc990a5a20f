"""YOLO's label lines, descriptions (data.yaml, obj.data), folder layouts and lists of images."""
