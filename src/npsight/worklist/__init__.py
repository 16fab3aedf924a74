"""Bands, priority and rank of the week's calls: pure functions over scores. No I/O."""
