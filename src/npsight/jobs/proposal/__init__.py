"""`npsight init`: a first project file, guessed from tables."""
