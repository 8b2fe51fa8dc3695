"""The landscape looked at from above: its graph, its pages. Pure functions of a project."""
