"""A study proposed for a table: what its rows are, the law that it can support, and the model file that says so."""
