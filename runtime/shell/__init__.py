"""What the programs share with their surroundings: usage, paths, console lines, status.json, folders."""
