"""R-CNNs by torchvision: what Faster R-CNN and Mask R-CNN share."""
