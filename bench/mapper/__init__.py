"""The mapper's benchmark in parts: trees and labels, names hidden, baselines, tokens, cost per commit, the report."""
