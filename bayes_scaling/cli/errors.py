"""Wrong input is one clear line and exit code 2, an interrupt 130, a fault of ours a report and 1."""

import errno
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from typer.core import TyperGroup

from bayes_scaling._base.errors import InputError
from bayes_scaling.cli.messages import findings_last
from bayes_scaling.cli.terminal import say

WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""What the parser raises for any wrong option; typer has it from click, or keeps a copy of click to itself."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors of a full or read-only disk."""


class Commands(TyperGroup):
    """Commands whose options are refused in one line, as any other wrong input is."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a wrong option is exit code 2."""
        try:
            return super().invoke(ctx)
        except WRONG_USE as error:
            refuse(error.format_message())  # type: ignore[attr-defined]
            raise typer.Exit(2) from None


def refuse(why: str) -> None:
    """Print why input is refused."""
    say(f"error: {InputError(why)}", err=True)


def clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn wrong input into one line on stderr and exit code 2, an interrupt into 130, a fault of ours into a report and 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        """Run a command; turn what it raises into a line and an exit code."""
        try:
            with findings_last():
                command(*args, **kwargs)
        except InputError as error:
            refuse(str(error))
            raise typer.Exit(2) from None
        except UnicodeEncodeError as error:  # bytes among the options that are no text
            refuse(f"{error.object!r} is no text: {error.object[error.start : error.end]!r} is no character")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say("interrupted; no file is half written", err=True)
            raise typer.Exit(130) from None
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                say(f"error: {error.filename or 'a file'}: cannot be written ({error.strerror})", err=True)
                raise typer.Exit(2) from None
            traceback.print_exc()
            say(f"internal fault, not your input: please report the lines above, with {_versions()}", err=True)
            raise typer.Exit(1) from None

    return guarded


def _versions() -> str:
    from bayes_scaling._base.versions import versions

    return ", ".join(f"{name} {of}" for name, of in versions().items())
