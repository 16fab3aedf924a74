"""What a scoring run writes beside its scores, in the same transaction."""
