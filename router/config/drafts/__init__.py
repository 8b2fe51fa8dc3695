"""Drafts: from samples to the texts of a channel, a flow, a system. Pure functions."""
