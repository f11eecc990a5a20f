"""Structured pruning: whole filters go, and what is left is a smaller dense network.

``dependencies`` finds which channels must go together, ``rule`` which of them stay (NVIDIA's, with the numbers in
``choice``), ``cut`` makes the smaller detector, ``measures`` counts what it costs, ``layers`` says what became of
each, ``report`` tells it.
"""
