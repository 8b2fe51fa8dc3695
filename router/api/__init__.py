"""api floor."""
