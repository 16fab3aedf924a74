"""An evaluation as text, and as a page."""
