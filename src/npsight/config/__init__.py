"""The project file, and the frozen specs that everything else reads instead of it."""
