"""The HTTP API, thin: BentoML around one Starlette app."""
