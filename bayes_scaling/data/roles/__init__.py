"""What the columns of a table are for: found from their names and numbers, or said; `find.py` puts it together."""
