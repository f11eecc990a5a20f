"""Image files: headers, orientation, drawing, likeness."""
