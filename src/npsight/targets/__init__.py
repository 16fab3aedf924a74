"""Outcome windows -> label expressions. Nothing here is executed, and nothing of features read."""
