"""Contributions of a whole batch, measured against LightGBM's own."""
