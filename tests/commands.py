"""The command line as tests call it."""

from typer.testing import CliRunner, Result

from bayes_scaling.cli import app


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(result: Result, *expected: str) -> None:
    """Check for exit code 2 and one line on stderr that holds the expected words."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    for word in expected:
        assert word in lines[0]
