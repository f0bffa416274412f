"""What builds the documentation: equations, links, blocks of code."""

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from blocks import alike, blocks, rewritten
from links import broken
from pages.latex import latex


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("E + A * params ** (-alpha)", r"E + A\,N^{-\alpha}"),
        ("b * (1.0 / x + g) ** c", r"b\,\left(\frac{1}{x} + g\right)^{c}"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("-(a + b) * c", r"-\left(a + b\right)\,c"),
        ("L_N * mean(lr_then)", r"L_{N}\,\operatorname{mean}\left(\text{lr}_{\text{then}}\right)"),
    ],
)
def test_an_expression_is_typeset(text: str, shown: str) -> None:
    assert latex(ast.parse(text, mode="eval").body) == shown


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<h1 id="here">x</h1>')
    links = ["other.html", "other.html#here", "https://example.org", "#top", "other.html#gone", "gone.html"]
    text = (
        "".join(f'<a href="{link}">x</a>' for link in links)
        + '<p id="top"></p><script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "page.html").write_text(text)
    lost = ["gone.html", "https://example.org/x.js", "other.html#gone"]
    assert broken(tmp_path) == [f"page.html: {link}" for link in lost]


PAGE = """```python
x = 2
print("two is", x)
```

```text
two is 3
```

<!-- not run: why -->
```sh
false
```

```sh
echo done
```
"""


def test_blocks_are_run_and_their_output_written(tmp_path: Path) -> None:
    assert [block.language for block in blocks(PAGE)] == ["python", "sh"]
    assert rewritten(PAGE, tmp_path) == PAGE.replace("two is 3", "two is 2")


def test_outputs_are_alike_whatever_their_numbers() -> None:
    assert alike("loss 2.31 (90 %: 2.3 to 2.4)", "loss 2.4 (90 %: 2.29\n to 2.5)")
    assert not alike("loss 2.31, clean", "loss 2.31, noted")
