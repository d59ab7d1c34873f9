"""The independent oracle: a second evaluator of the definition language, written to be obviously right.

It shares nothing with the engine but the parser, the syntax tree and the catalog. It keeps every event of a user and
recomputes each expression at every instant at which something could change.
"""
