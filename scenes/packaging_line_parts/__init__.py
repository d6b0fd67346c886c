"""What stands on the packaging line, part by part."""
