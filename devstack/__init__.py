"""Flyt on one machine for development, tests and benchmarks; nothing here is part of production."""


class StackError(Exception):
    """What went wrong and what to do about it, in one sentence for the person at the terminal."""
