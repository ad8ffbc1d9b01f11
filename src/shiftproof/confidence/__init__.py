"""Whether a model knows when it does not know: calibration, abstention, prediction sets and the unfamiliar, from stored answers.

Everything here takes arrays (scores or probabilities, labels, groups), asks no model, and holds at finite sample sizes unless its docstring
says otherwise.
"""
