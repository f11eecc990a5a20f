"""The parts of the COCO format: where its files lie, their index, their records, and writing them."""
