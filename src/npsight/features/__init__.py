"""Declared features -> Ibis expressions over the spine. Nothing here is executed."""
