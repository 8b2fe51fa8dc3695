"""What each route guarantees, computed from what is written."""
