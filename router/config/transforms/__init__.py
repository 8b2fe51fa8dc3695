"""transforms floor."""
