"""WHOM: object types, properties, records, lists and the event log."""
