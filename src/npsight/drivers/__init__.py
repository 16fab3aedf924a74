"""Contributions -> driver points that add up -> sentences. No I/O."""
