"""Helpers of the scripts that author our scenes: shapes as arrays, stages, binding layers."""
