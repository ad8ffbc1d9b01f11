"""Bound propagation: networks read from torch and ONNX, intervals, CROWN and alpha-CROWN, branch and bound."""
