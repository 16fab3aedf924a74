"""How good the predictions are, beside simpler ways, another library's default, and the truth."""
