"""Simulates CITE-seq and TEA-seq of human blood cells with known truth (docs/simulator.md).

The parameters are estimated from real data and packaged as `pbmc_profile.npz`.
"""
