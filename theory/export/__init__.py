"""Formulas written out for other languages, one module per target: `python` (numbers, arrays, tensors, balls), `coq`,
`javascript` (the book's calculator).

A formula is typed once, in its family module; every target is generated, committed and compared with a fresh generation by a
test.
"""
