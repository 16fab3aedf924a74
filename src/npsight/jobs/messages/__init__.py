"""What happened, in words: single events, and the week of an owner."""
