"""Owns: what is found, as other programs read it: SARIF, JUnit, GitHub's workflow commands.
Imports: core, config.fingerprints, cli.render.
Never: prints, decides an exit code.
"""
