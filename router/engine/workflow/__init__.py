"""Owns: running workflows as pure decisions: an instance and an input in, what comes of it out.
Imports: core, config.
Never: I/O, a clock.
"""
