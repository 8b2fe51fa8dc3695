"""Owns: the language of workflows: facts, steps, endings, policies, what must hold of them.
Imports: config.
Never: runs one (engine.workflow does).
"""
