"""Laws as text, such as `E + A * params**-alpha`: text to law, and law to text.

Text is parsed to Python's syntax tree and walked node by node. Only the kinds of node named here are allowed, and nothing is
ever passed to `eval`. The way back calls the law with symbols that record what is done to them.
"""

import ast
import inspect
import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.expressions import (
    MAX_DEPTH,
    MAX_EXPRESSION,
    arithmetic,
    balanced,
    depth,
)
from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.laws.library import Law, law_inputs, law_parameters
from bayes_scaling.laws.parts import LawText, read_text, size, written
from bayes_scaling.laws.symbols import Symbol

MAX_EQUATION = 120
"""Nodes of a law that is still readable as an equation."""


def parse_law(text: str, inputs: Sequence[str], references: Mapping[str, float] | None = None) -> Law:
    """Return the law that a text describes, such as `E + A * params**-alpha` or `k * log(ratio / optimum)**2`.

    The text is never executed: it is parsed, and only arithmetic and the functions of `laws` mean anything in it: `exp`, `log`,
    `sqrt`, `abs`, `min`, `max`, `softplus`, `sigmoid`, `tanh`, and `mean`, over the parts in which a learning rate fell.

    Parameters
    ----------
    text
        Arithmetic of names and numbers. Lines before it may name parts, each written once and used as often as needed:
        `n_eff = params * (1 - exp(-r))`. What stands after # is a comment.
    inputs
        The names in the text that are data. Every other name that is no part is a parameter.
    references
        Input -> its reference in base units, for a text that names one as `ref(tokens)`; the runs have to have the same.

    Returns
    -------
    Law
        A function of the inputs, and by keyword of the parameters.

    Raises
    ------
    InputError
        Where the text is no arithmetic of names and numbers, or leaves one of `inputs` out; where a part is not used, is used
        before it is defined, or has the name of an input.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> law = bs.parse_law("E + A * params**-alpha", ["params"])
    >>> law(100.0, E=1.5, A=2.0, alpha=0.5)
    1.7
    >>> bs.laws.equation(law)
    'E + A params^-alpha'

    With a named part:

    >>> law = bs.parse_law("worth = 1 + r * (1 - exp(-epochs / r)); E + B * worth**-beta", ["epochs"])
    >>> bs.laws.equation(law)
    'E + B worth^-beta, with worth = 1 + r (1 - exp(-epochs / r))'
    """
    inputs = _input_names(inputs)
    read = read_text(text, inputs, references or {})
    names = read.names
    if unknown := set(read.references) - set(inputs):
        raise InputError(f"law {text!r} names ref({min(unknown)}); its inputs are {format_names(inputs)}")
    if clash := set(inputs) & set(read.parts):
        raise InputError(f"law {text!r}: its part {min(clash)!r} has the name of an input; call it otherwise")
    if missing := set(inputs) - names:
        raise InputError(f"law {text!r} does not use the inputs {format_names(missing)}; its names are {format_names(names)}")
    if names == set(inputs):
        raise InputError(f"law {text!r} has no parameter: all its names {format_names(names)} are inputs")
    if clash := (names | set(read.parts)) & set(ON_NUMBERS):
        raise InputError(f"law {text!r} uses {format_names(clash)} as a name; it is a function and takes values in brackets")
    return _TextLaw(text, inputs, read, sorted(names - set(inputs)))


def called(law: Any) -> str:
    """Return what to call a law in a sentence: one of the library by its name.

    Examples
    --------
    >>> from bayes_scaling.laws.size_and_data import chinchilla
    >>> called(chinchilla), called(parse_law("a * x", ["x"]))
    ('chinchilla', 'the law')
    """
    return "the law" if isinstance(law, _TextLaw) else str(law.__name__)


class _TextLaw:
    """A law that was read from a text: a function of its inputs, and by keyword of its parameters; pickled as its text."""

    def __init__(self, text: str, inputs: tuple[str, ...], read: LawText, parameters: Sequence[str]) -> None:
        kinds = inspect.Parameter
        self.__signature__ = inspect.Signature(
            [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in inputs]
            + [kinds(name, kinds.KEYWORD_ONLY) for name in parameters]
        )
        self.__name__ = self.__qualname__ = "text"
        self.__doc__ = self._text = text
        self._inputs, self.read, self.references = inputs, read, dict(read.references)

    def __call__(self, *data: Any, **values: Any) -> Any:
        known = dict(zip(self._inputs, data, strict=False)) | values
        for name, part in self.read.parts.items():
            known[name] = arithmetic(part, known)
        return arithmetic(self.read.law, known)

    def __reduce__(self) -> tuple[Any, ...]:
        return parse_law, (self._text, self._inputs, self.references)


def _input_names(inputs: Sequence[str]) -> tuple[str, ...]:
    if isinstance(inputs, str) or not all(isinstance(name, str) for name in inputs):
        raise InputError(f"the inputs of a law are a list of names, such as ['params', 'tokens'], not {inputs!r}")
    if len(set(inputs)) < len(inputs):
        raise InputError(f"the inputs of a law are different names, not {list(inputs)}")
    return tuple(inputs)


def law_names(text: str, inputs: Sequence[str] = ()) -> set[str]:
    """Return the names in a law's text, of inputs and of parameters; raises InputError as `parse_law` does."""
    return read_text(text, inputs).names


def law_parts(law: Law) -> dict[str, str]:
    """Return the named parts of a law that was given as text: name -> text, in the order in which they are written."""
    said = law.read.said if isinstance(law, _TextLaw) else {}
    return {name: ast.unparse(part) for name, part in said.items() if name}


def law_families(law: Law) -> dict[str, tuple[str, ...]]:
    """Return what names in sums over an index stand for: t -> (t_web, t_code), parameters of the law."""
    return dict(law.read.families) if isinstance(law, _TextLaw) else {}


def law_indexed_groups(law: Law) -> dict[str, tuple[str, ...]]:
    """Return the groups between which members of a family differ: t -> (output,), of `sum(t[output, j] * r[j])`."""
    return dict(law.read.groups) if isinstance(law, _TextLaw) else {}


def law_references(law: Law) -> dict[str, float]:
    """Return the references that a law names, as `ref(tokens)` does: input -> the number that stands in the law for it."""
    return law.references if isinstance(law, _TextLaw) else {}


@lru_cache(maxsize=256)
def law_tree(law: Law) -> ast.expr:
    """Return the syntax tree of a law, found by calling it with symbols.

    Raises
    ------
    InputError
        Where the law does more than arithmetic on its arguments.
    """
    names = (*law_inputs(law), *law_parameters(law))
    try:
        written = law(**{name: Symbol(ast.Name(name, ast.Load())) for name in names})
    except Exception as error:
        raise InputError(f"law {law.__name__} uses more than + - * / ** and the functions of laws: {error}") from error
    if not isinstance(written, Symbol):
        raise InputError(f"law {law.__name__} does not return an expression of its arguments {list(names)}")
    return balanced(written.node, {})


def law_text(law: Law) -> str:
    """Return a law as text that `parse_law` reads back to the same arithmetic; named parts stand in lines before it.

    Raises
    ------
    InputError
        Where the law does more than arithmetic, or is too long to be read back.
    """
    if isinstance(law, _TextLaw) and law.read.short:
        return written(law.read)
    tree = law_tree(law)
    if size(tree) > MAX_EXPRESSION or depth(tree) > MAX_DEPTH:
        raise InputError(f"law {law.__name__} is too long to be written as text (loops multiply its terms)")
    text = ast.unparse(tree)
    if len(text) > MAX_EXPRESSION:
        raise InputError(
            f"law {law.__name__} is too long to be written as text: {len(text)} characters, above {MAX_EXPRESSION}"
        )
    return text


def equation(law: Law) -> str:
    """Return a law as its equation, in the names of its inputs and parameters.

    Parameters
    ----------
    law
        A law of the library, one from `parse_law`, or a function of your own.

    Returns
    -------
    str
        The right side of the equation, and after "with" its named parts. A law that is too long for one is written as a call.

    Raises
    ------
    InputError
        Where the law does more than arithmetic on its arguments.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> laws.equation(laws.chinchilla)
    'E + A params^-alpha + B tokens^-beta'
    >>> laws.equation(laws.m4)
    'm4(x; a, b, c, e_0, e_inf)'
    """
    said = law.read.said if isinstance(law, _TextLaw) and law.read.short else {"": law_tree(law)}
    if sum(map(size, said.values())) > MAX_EQUATION:
        return f"{law.__name__}({', '.join(law_inputs(law))}; {', '.join(law_parameters(law))})"
    defined = [f"{name} = {readable(part)}" for name, part in said.items() if name]
    return readable(said[""]) + (f", with {', '.join(defined)}" if defined else "")


def readable(tree: ast.expr) -> str:
    """Return a syntax tree as people write formulas: powers with ^, products without a sign."""
    text = ast.unparse(tree).replace(" ** ", "^").replace(" * ", " ")
    return re.sub(r"\^\(-(\w+)\)", r"^-\1", re.sub(r"(?<![\w.])(\d+)\.0\b", r"\1", text))


def law_key(law: Law) -> Hashable:
    """Return what laws of the same arithmetic have in common: their text, or the law itself where it is too long for one."""
    try:
        return law_text(law), tuple(sorted(law_references(law).items()))
    except InputError:
        return law
