"""The identity of a value: one digest of everything that its behaviour depends on, and a list of what could not be covered.

A model, a part, a method or a function of the user's is read as a graph: its attributes, what functions close over, the globals and the
methods that their code names. Code of the user's own counts by its bytecode, code of installed packages by name and version.

    graph    values as nodes, and the digest of a graph that may have circles
    plain    numbers, words and collections
    arrays   NumPy, pandas and SciPy
    tensors  torch: tensors, modules, TorchScript
    code     functions and the names that their bytecode reaches
    classes  classes and their methods
    objects  everything else: by attributes, or by what its own pickling gives
    owners   whose code it is
"""

from shiftproof._identity.graph import Identity, Look
from shiftproof._identity.table import identify

__all__ = ["Identity", "Look", "identify"]
