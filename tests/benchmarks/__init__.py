"""Benchmarks: figures as ratios in one process, measured in CPU time. See docs/explanation/performance.md."""
