"""The law library: equations typeset from the laws themselves, what parameters mean, and the priors that come along."""

import ast
import inspect
import re

from numpydoc.docscrape import FunctionDoc

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import LAWS, Law, law_inputs, law_parameters
from bayes_scaling.model.defaults import default_priors
from pages.latex import latex

EQUATION = re.compile(r"(\w+|\(.+?\) / \(.+?\)\^\w) = ")
"""How an equation begins."""
LONGEST = 170
"""Characters of a law's text that is still readable as one equation."""

TOP = """# Laws

A law is one plain function: what it reads before the star, its parameters after it. Inputs arrive divided by their
[reference](../concepts/reference.md), so that a coefficient is what it costs there. Any law can be named in a
[model file](model-file.md) (`name = "chinchilla"`) or given to `Model` (`bs.laws.chinchilla`); a law of your own is
[a line of text](../howto/own-law.md).

Priors in the tables are those of `priors = "published"`: 90 % lies between the two numbers.
`params` is N, `tokens` D, `compute` C.

"""


def page() -> str:
    """Return the page, a section a law."""
    contents = ["| law | reads | says |", "| --- | --- | --- |", *(line(name, law) for name, law in LAWS.items())]
    return TOP + "\n".join(contents) + "\n\n" + "\n".join(section(name, law) for name, law in LAWS.items())


def line(name: str, law: Law) -> str:
    """Return a law's row of the contents."""
    return f"| [{name}](#law-{name.replace('_', '-')}) | {', '.join(f'`{one}`' for one in law_inputs(law))} | {said(law)} |"


def section(name: str, law: Law) -> str:
    """Return a law's equation, what its docstring says, and its parameters with their priors."""
    doc = FunctionDoc(law)
    title = f"(law-{name.replace('_', '-')})=\n## {name}\n"
    return "\n".join(
        [title, " ".join(doc["Summary"]), "", typeset(law), *extended(doc), table(name, doc), references(doc), source(law)]
    )


def said(law: Law) -> str:
    """Return what a law says, in one sentence."""
    return " ".join(FunctionDoc(law)["Summary"])


def typeset(law: Law) -> str:
    """Return the equation typeset from the law itself, where it is short enough to be read."""
    try:
        text = law_text(law)
    except InputError:
        return ""
    if len(text) > LONGEST:
        return ""
    left = (
        "R"
        if "R0" in law_parameters(law)
        else "\\text{penalty}"
        if "ratio" in law_inputs(law)
        else "\\text{error}"
        if "loss" in law_inputs(law)
        else "L"
    )
    return f"```{{math}}\n{left} = {latex(ast.parse(text, mode='eval').body)}\n```\n"


def extended(doc: FunctionDoc) -> list[str]:
    """Return the paragraphs after the first sentence; equations as they are written."""
    text = "\n".join(doc["Extended Summary"])
    return [written(part) for part in text.split("\n\n") if part.strip()]


def written(part: str) -> str:
    """Return a paragraph, or an equation as a block."""
    return f"```text\n{part}\n```\n" if EQUATION.match(part) else f"{prose(part)}\n"


def prose(text: str) -> str:
    """Return a text of a docstring as Markdown: what Markdown would take for marks of its own is escaped."""
    return re.sub(r"(`[^`]*`)|([*_<])", lambda found: found[1] or f"\\{found[2]}", " ".join(text.split()))


def table(name: str, doc: FunctionDoc) -> str:
    """Return what parameters mean, with the library's priors."""
    try:
        priors = default_priors(name)
    except InputError:
        priors = {}
    head = ["| parameter | meaning | 90 % of the published prior |", "| --- | --- | --- |"]
    rows = [
        f"| `{of.name}` | {prose(' '.join(of.desc))} | {interval(priors[of.name]) if of.name in priors else ''} |"
        for of in doc["Parameters"]
    ]
    return "\n".join([*head, *rows, ""])


def references(doc: FunctionDoc) -> str:
    """Return the references of a docstring, a paragraph each."""
    text = " ".join(" ".join(doc["References"]).split())
    return "".join(f"{prose(part)}\n\n" for part in re.split(r"\.\. \[\d+\] ", text) if part.strip())


def source(law: Law) -> str:
    """Return the law as it is written."""
    code = inspect.getsource(law)
    body = re.sub(r'\n    """.*?"""|: Any| -> Any', "", code, flags=re.DOTALL)
    return f"```python\n{body}```\n"


def interval(prior: object) -> str:
    """Return the 90 % interval of a prior, or its distribution where it has another form."""
    median, factor, between = (getattr(prior, name, None) for name in ("median", "factor", "between"))
    if median is not None and factor is not None:
        return f"{median / factor:.3g} to {median * factor:.3g}"
    return f"{between[0]:.3g} to {between[1]:.3g}" if between else f"`{prior}`"
