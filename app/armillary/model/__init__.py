"""Data types and pure functions that every process loads: numpy and the standard library only."""
