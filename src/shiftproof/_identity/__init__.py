"""The identity of a value: one digest of everything that its behaviour depends on, and a list of what could not be covered.

A model, a part, a method or a function of the user's is read as a graph: its attributes, what functions close over, the globals and the
methods that their code names. Code of the user's own counts by its bytecode, code of installed packages by name and version.

    graph          values as nodes, and the digest of a graph that may have circles
    table          which reader sees which type
    plain          numbers, words and collections
    arrays         NumPy, pandas and SciPy
    tensors        torch: tensors and modules
    scripts        TorchScript
    estimators     scikit-learn and XGBoost, where they need more than `objects`
    bytecode       what a code object does, and the names that it uses
    functions      functions, with what they carry and what their code names
    classes        classes, with their methods
    objects        everything else: by attributes, or by what its own pickling gives
    owners         whose code it is
    fingerprinted  how an identity is written, and what becomes of one with gaps
    parts          what shifts, searches and other parts are known by
"""
