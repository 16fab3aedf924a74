"""What `npsight check` and `npsight init` note of data before anything is learned."""
