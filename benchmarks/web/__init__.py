"""How fast the worklist answers over many accounts."""
