"""`bayes-scaling models`: the bundled studies."""

from bayes_scaling.cli.terminal import say


def models() -> None:
    """List the bundled studies: name and title. Writes nothing."""
    from bayes_scaling.model.studies.reading import bundled

    for name, title in bundled().items():
        say(f"{name:20} {title}")
