"""WHAT: the definition of a flow: steps, branches, settings."""
