"""Where models are judged elsewhere: experiment trackers, trainers, and the protocols of other evaluation tools.

Each module needs its own package, which is imported when the module is: `pip install 'shiftproof[mlflow]'` and so on.
"""
