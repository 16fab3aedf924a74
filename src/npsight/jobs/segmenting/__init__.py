"""NPS now and next by attribute, and the goals."""
