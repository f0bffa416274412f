"""`python -m bayes_scaling`."""

from bayes_scaling.cli.commands import main

main()
