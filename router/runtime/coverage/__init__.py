"""Owns: what the tests of a landscape show of it, and what they leave out.
Imports: config, engine, runtime.
Never: measures a run that is not a test.
"""
