"""Adapters: one file a protocol. They import only what router/__init__.py exports."""
