"""SAYING: contents, messages and how they leave."""
