"""Which runs to train next: what each would tell of a question."""
