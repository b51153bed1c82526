"""SWITCH: the verbs of a flow, what stops it, and editing it."""
