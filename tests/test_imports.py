"""No module imports another that leads back to it, not even for its types."""

import grimp


def test_no_imports_lead_in_a_circle() -> None:
    graph = grimp.build_graph("bayes_scaling", exclude_type_checking_imports=False)
    left = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    while done := {name for name, imported in left.items() if not imported}:
        left = {name: imported - done for name, imported in left.items() if name not in done}
    assert sorted(left) == []
