"""Routes, flows and operations run over generated documents."""
