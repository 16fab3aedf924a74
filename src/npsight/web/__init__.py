"""Pages for CS teams, rendered on the server; every action works without JavaScript."""
