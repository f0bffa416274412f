"""Findings on a model, its runs and its fit, each kind in a file of its own."""
