"""The command line, one file a command."""

from bayes_scaling.cli.commands import app as app, main as main
