"""infra floor."""
