"""Studies: one TOML file says which table, which columns, and which model."""
