"""ONNX files written node by node from a network's Cells and parameters.

MindSpore's own exporter has no converter for Erf (the exact GELU) and refuses a dynamic batch.
"""
