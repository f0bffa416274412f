"""`python -m bayes_scaling.cli`."""

from bayes_scaling.cli.commands import main

main()
