"""Files as annotation tools write them: JSON, XML, folders and names."""
