"""Hostile input: targets, seeds, structure-aware mutation; `python -m tests.fuzz` runs them.

The targets need no fuzzer: the suite runs them on seeds, and on mutations by a fixed random seed.
"""
