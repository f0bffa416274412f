"""Logs of training runs in, one long table out: one file a format, all alike (see `part` and `recognise`)."""
