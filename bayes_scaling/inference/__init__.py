"""From a model and runs to draws, their health, and what draws say of rows."""
