"""What editors are told: the shapes of the language as JSON Schema. Pure functions."""
