"""Posteriors over neural scaling laws: fit, predict, contrast.

    runs -> model -> fit -> predict / contrast -> tables, plots

Names are imported on first use, so that `import bayes_scaling` is instant; `__init__.pyi` says where each lives.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
