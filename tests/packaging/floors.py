"""The lowest versions that pyproject.toml allows, as pins for pip, which cannot resolve to the lowest by itself."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def pins(text: str) -> list[str]:
    """Return each direct dependency at its floor; those of extras too, but not an extra of the package itself."""
    project = tomllib.loads(text)["project"]
    extras = [one for of in project.get("optional-dependencies", {}).values() for one in of]
    wanted = [one for one in [*project["dependencies"], *extras] if not one.startswith(f"{project['name']}[")]
    matched = {one: re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9][0-9a-z.]*)", one) for one in wanted}
    if unclear := [one for one, found in matched.items() if found is None]:
        raise ValueError(f"no floor can be read from {unclear}; expected NAME>=VERSION")
    return [f"{found[1]}=={found[2]}" for found in matched.values() if found]


if __name__ == "__main__":
    print("\n".join(pins(PYPROJECT.read_text())))
