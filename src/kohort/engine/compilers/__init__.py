"""Compilers, which turn a structure into programs that train, judge and predict."""
