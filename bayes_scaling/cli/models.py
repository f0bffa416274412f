"""`bayes-scaling models`: the bundled studies."""

from bayes_scaling.cli.terminal import say


def models() -> None:
    """List the bundled studies: name and title, and the laws of those that fit several. Writes nothing."""
    from bayes_scaling.model.studies.bundled import bundled, bundled_stacks

    stacks = bundled_stacks()
    for name, title in bundled().items():
        laws = f" [{len(stacks[name])} laws: {', '.join(stacks[name])}]" if stacks[name] else ""
        say(f"{name:20} {title}{laws}")
