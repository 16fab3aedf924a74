"""How often training finds what is not there, and how often what is."""
