"""Owns: templates: texts and XML with values in them, in a part of Jinja's grammar.
Imports: core, config.transforms; jinja2 in one module.
Never: runs a template by Jinja: what stands in it are the expressions of the language.
"""
