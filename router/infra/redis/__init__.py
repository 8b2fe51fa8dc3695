"""Redis: what several processes agree about, and may lose."""
