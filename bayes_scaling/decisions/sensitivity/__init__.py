"""What moves an answer: what its uncertainty is made of, what shifts it, and which further runs would shrink it."""
