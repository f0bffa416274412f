"""`bayes-scaling laws`: the library of laws."""

from bayes_scaling.cli.terminal import say


def laws() -> None:
    """List the laws of the library: name, inputs, what each says, its equation and source. Writes nothing."""
    from bayes_scaling.laws.library import LAWS, law_inputs
    from bayes_scaling.model.defaults import equation, summary

    for name, law in LAWS.items():
        say(f"{name}({', '.join(law_inputs(law))})")
        for line in (summary(name), *equation(name).splitlines()):
            say(f"    {line}")
