"""The command line, as the program itself describes it."""

import re
from typing import Any

import typer

from bayes_scaling.cli import app

TOP = """# Command line

`bayes-scaling COMMAND --help` says the same. What commands write is written as a whole or not at all.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | an internal fault, to be reported |
| 2 | wrong input, or no room on the disk: one line says what and where, nothing is written |
| 3 | sampled and written, but not to be trusted (`fit`, `backtest`, `compare`, `multiverse`, `predict --register`) |
| 130 | interrupted |

"""


def page() -> str:
    """Return the page: every command with its arguments and options."""
    found = typer.main.get_command(app)
    every: dict[str, Any] = found.commands  # type: ignore[attr-defined]
    return TOP + "\n".join(section(name, command) for name, command in every.items())


def section(name: str, command: Any) -> str:
    """Return what one command takes."""
    rows = [row(one) for one in command.params if not getattr(one, "hidden", False)]
    head = ["| argument or option | meaning | unless given |", "| --- | --- | --- |"]
    text = " ".join((command.help or "").split())
    return "\n".join([f"## {name}\n", f"```\n{usage(name, command)}\n```\n", f"{text}\n", *head, *rows, ""])


def usage(name: str, command: Any) -> str:
    """Return the line that shows what must be given."""
    needed = [
        shown(one) if one.opts[0] == one.name else f"{one.opts[0]} {shown(one)}" for one in command.params if one.required
    ]
    return " ".join(["bayes-scaling", name, *needed, "[OPTIONS]"])


def row(option: Any) -> str:
    """Return one row of the table."""
    named = option.opts[0].startswith("-")
    flag = getattr(option, "is_flag", False)
    title = f"{option.opts[0]}{'' if flag else ' ' + shown(option)}" if named else shown(option)
    silent = option.default in (None, False, (), []) or callable(option.default)
    default = "must be given" if option.required else "" if silent else option.default
    return f"| `{title}` | {cell(option.help or '')} | {cell(default)} |"


def shown(option: Any) -> str:
    """Return what stands for an option's value."""
    if option.metavar or not option.opts[0].startswith("-"):
        return str(option.metavar or option.name.upper())
    words = re.findall(r"int|float|bool", str(getattr(option.type_descriptor, "annotation", "")))
    return {"int": "NUMBER", "float": "NUMBER"}.get(words[0] if words else "", "TEXT")


def cell(text: object) -> str:
    """Return a text that a cell of a table may hold."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
