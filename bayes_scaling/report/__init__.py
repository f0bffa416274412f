"""One HTML page on a fit, and its sentences."""
