"""Chains: workflows that run one after another, each with the results of earlier ones."""
