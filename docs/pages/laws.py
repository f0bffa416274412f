"""The law library: equations typeset from the laws themselves, what parameters mean, and the priors that come along."""

import ast
import inspect

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import LAWS, Law, law_inputs
from bayes_scaling.model.defaults import default_priors
from pages.latex import latex

LONGEST = 170
"""Characters of a law's text that is still readable as one equation."""

TOP = """# Laws

A law is one plain function: what it reads before the star, its parameters after it. Inputs arrive divided by their
[reference](../concepts/reference.md), so that a coefficient is what it costs there. Any law can be named in a
[model file](model-file.md) (`name = "chinchilla"`) or given to `Model` (`bs.laws.chinchilla`); a law of your own is
[a line of text](../howto/own-law.md).

Priors in the tables are those of `priors = "published"`: 90 % of the prior lies between the two numbers.

"""


def page() -> str:
    """Return the page, a section a law."""
    contents = ["| law | reads | says |", "| --- | --- | --- |", *(line(name, law) for name, law in LAWS.items())]
    return TOP + "\n".join(contents) + "\n\n" + "\n".join(section(name, law) for name, law in LAWS.items())


def line(name: str, law: Law) -> str:
    """Return a law's row of the contents."""
    return f"| [{name}](#law-{name.replace('_', '-')}) | {', '.join(f'`{one}`' for one in law_inputs(law))} | {said(law)[0]} |"


def section(name: str, law: Law) -> str:
    """Return a law's equation, its docstring as numpydoc shows it, and its priors."""
    return f"(law-{name.replace('_', '-')})=\n## {name}\n\n{equation(law)}{docstring(law)}\n{priors(name)}\n"


def said(law: Law) -> list[str]:
    """Return the paragraphs of a law's docstring."""
    return [" ".join(part.split()) for part in (inspect.getdoc(law) or "").split("\n\n")]


def equation(law: Law) -> str:
    """Return the equation typeset, where it is short enough to be read."""
    try:
        text = law_text(law)
    except InputError:
        return ""
    if len(text) > LONGEST:
        return ""
    left = "\\text{penalty}" if "ratio" in law_inputs(law) else "\\text{error}" if "loss" in law_inputs(law) else "L"
    return f"```{{math}}\n{left} = {latex(ast.parse(text, mode='eval').body)}\n```\n\n"


def docstring(law: Law) -> str:
    """Return the docstring by autodoc."""
    return f"```{{eval-rst}}\n.. autofunction:: bayes_scaling.laws.{law.__name__}\n```\n"


def priors(name: str) -> str:
    """Return the library's priors as a table; nothing where it has none."""
    try:
        found = default_priors(name)
    except InputError:
        return ""
    rows = [f"| `{parameter}` | {interval(prior)} |" for parameter, prior in found.items()]
    return "\n".join(["| parameter | 90 % of the published prior |", "| --- | --- |", *rows, ""])


def interval(prior: object) -> str:
    """Return the 90 % interval of a prior, or its distribution where it has another form."""
    median, factor, between = (getattr(prior, name, None) for name in ("median", "factor", "between"))
    if median is not None and factor is not None:
        return f"{median / factor:.3g} to {median * factor:.3g}"
    return f"{between[0]:.3g} to {between[1]:.3g}" if between else f"`{prior}`"
