"""How fast single scores are, against what else could serve them."""
