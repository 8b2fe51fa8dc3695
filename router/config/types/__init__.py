"""Owns: the types of expressions and maps: what a value may be, before any message comes.
Imports: core, config.transforms.
Never: evaluates.
"""
